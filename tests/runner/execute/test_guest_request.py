"""What the runner tells a guest beside the request: configuration and what made the call, which nobody else can claim."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.runner.conftest import Runner, body_of

CONFIG = {"algaApiBase": "https://api.example.com", "greeting": "Grüße ✓"}
FORGED = {"X-Ext-Config": '{"a":"forged"}', "x-ext-trigger": "schedule", "X-EXT-SCHEDULE-ID": "s1", "accept": "*/*"}


async def seen(runner: Runner, wasm: Path, **parts: Any) -> dict[str, Any]:
    envelope = await runner.call(await runner.put(wasm), **({"limits": {"timeout_ms": 30_000}} | parts))
    assert envelope["error"] is None, envelope
    told: dict[str, Any] = json.loads(body_of(envelope))
    return told


@pytest.fixture(params=["echo", "echo-python"])
def wasm(request: pytest.FixtureRequest, built: Callable[[str], Path]) -> Path:
    return built(request.param) / "dist" / "main.wasm"


async def test_the_handler_sees_configuration_and_trigger_in_its_context_and_not_among_the_headers(runner: Runner, wasm: Path) -> None:
    told = await seen(
        runner, wasm, context={"config": CONFIG, "trigger": "schedule", "schedule_id": "s-7"}, http={"headers": {"accept": "*/*"}}
    )
    assert told["context"]["config"] == CONFIG
    assert told["context"]["trigger"] == "schedule"
    assert told["context"].get("scheduleId", told["context"].get("schedule_id")) == "s-7"
    assert "x-ext" not in json.dumps(told["headers"])


async def test_a_caller_cannot_claim_either(runner: Runner, wasm: Path) -> None:
    told = await seen(runner, wasm, http={"headers": FORGED})
    assert told["context"]["config"] == {}
    assert told["context"].get("trigger") is None
    assert "forged" not in json.dumps(told) and "*/*" in json.dumps(told["headers"])
