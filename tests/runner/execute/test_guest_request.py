"""The runner adds configuration and trigger to the request of a guest. A caller cannot forge either."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.runner.conftest import Runner, body_of

CONFIG = {"algaApiBase": "https://api.example.com", "greeting": "Grüße ✓"}
SETTINGS = {"limit": 25, "isOn": False, "share": 0.5, "tags": ["ä", None], "greeting": "Grüße ✓"}
FORGED = {
    "X-Ext-Config": '{"a":"forged"}',
    "x-ext-SETTINGS": '{"a":"forged"}',
    "x-ext-trigger": "schedule",
    "X-EXT-SCHEDULE-ID": "s1",
    "accept": "*/*",
}


async def call_guest(runner: Runner, wasm: Path, **parts: Any) -> dict[str, Any]:
    envelope = await runner.call(await runner.put(wasm), **({"limits": {"timeout_ms": 30_000}} | parts))
    assert envelope["error"] is None, envelope
    received: dict[str, Any] = json.loads(body_of(envelope))
    return received


@pytest.fixture(params=["echo", "echo-python"])
def wasm(request: pytest.FixtureRequest, built: Callable[[str], Path]) -> Path:
    return built(request.param) / "dist" / "main.wasm"


async def test_the_handler_sees_configuration_and_trigger_in_its_context_and_not_among_the_headers(runner: Runner, wasm: Path) -> None:
    received = await call_guest(
        runner, wasm, context={"config": CONFIG, "trigger": "schedule", "schedule_id": "s-7"}, http={"headers": {"accept": "*/*"}}
    )
    assert received["context"]["config"] == CONFIG
    assert received["context"]["trigger"] == "schedule"
    assert received["context"].get("scheduleId", received["context"].get("schedule_id")) == "s-7"
    assert "x-ext" not in json.dumps(received["headers"])


async def test_the_handler_sees_settings_with_their_types(runner: Runner, wasm: Path) -> None:
    strings = {name: json.dumps(value) for name, value in SETTINGS.items()}
    received = await call_guest(runner, wasm, context={"config": strings, "settings": SETTINGS})
    assert received["context"]["config"] == SETTINGS
    assert "x-ext" not in json.dumps(received["headers"])


async def test_a_caller_cannot_forge_configuration_or_trigger(runner: Runner, wasm: Path) -> None:
    received = await call_guest(runner, wasm, http={"headers": FORGED})
    assert received["context"]["config"] == {}
    assert received["context"].get("trigger") is None
    assert "forged" not in json.dumps(received) and "*/*" in json.dumps(received["headers"])
