"""Guests of every supported toolchain run, sleep, and fail with a position that their author can use."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from holdfast.engine import Component, Engine, Failure, FailureCode
from tests.engine import guests, toolchains
from tests.engine.conftest import LIMITS, RecordingHost, request

pytestmark = [pytest.mark.slow, pytest.mark.long]

EVERY = ["componentize-qjs", "componentize-py", *toolchains.DISABLED]
OPEN = [name for name in EVERY if name != "componentize-js --disable all"]
"""Those whose guests have a clock."""
RANDOM = [name for name in OPEN if name != "componentize-qjs"]
"""Those that seed Math.random at start. QuickJS keeps the seed of the build; the SDK mends that, which is tested with the SDK."""


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    made = Engine(toolchains.ARTIFACTS, pool_instances=8)
    yield made
    await made.close()


async def guest(engine: Engine, name: str) -> Component:
    wasm = toolchains.build(name)
    return await engine.load(wasm, guests.sha256(wasm))


async def call(engine: Engine, component: Component, url: str, host: RecordingHost | None = None) -> tuple[Any, Failure | None]:
    outcome = await engine.execute(component, request(url), host or RecordingHost(), LIMITS)
    if outcome.response is None:
        return None, outcome.failure
    assert outcome.response.body is not None
    return json.loads(outcome.response.body), None


@pytest.mark.parametrize("name", EVERY)
async def test_its_guest_responds_and_calls_the_host(engine: Engine, name: str) -> None:
    host = RecordingHost()
    response, failure = await call(engine, await guest(engine, name), "/hello", host)
    assert failure is None
    assert response["url"] == "/hello"
    assert [function for function, _ in host.calls] == ["context.get-context", "logging.log-info"]
    assert host.calls[1][1] == ("tenant tenant-1",)


@pytest.mark.parametrize("name", OPEN)
async def test_its_clock_runs(engine: Engine, name: str) -> None:
    response, _ = await call(engine, await guest(engine, name), "/")
    assert abs(response["now"] / 1000 - time.time()) < 3600


@pytest.mark.parametrize("name", RANDOM)
async def test_its_random_numbers_differ_from_call_to_call(engine: Engine, name: str) -> None:
    component = await guest(engine, name)
    (first, _), (second, _) = await call(engine, component, "/"), await call(engine, component, "/")
    assert first["random"] != second["random"]


@pytest.mark.parametrize("name", ["componentize-js", "componentize-js with http", "componentize-py"])
async def test_its_sleep_returns_and_its_output_arrives_by_line(engine: Engine, name: str) -> None:
    host = RecordingHost()
    response, failure = await call(engine, await guest(engine, name), "/sleep", host)
    assert failure is None and response["url"] == "/sleep"
    assert [line for line in host.lines if line[0] == "stdout"] == [("stdout", "line one"), ("stdout", "line two")]


@pytest.mark.parametrize(
    ("name", "position"),
    [
        ("componentize-js", "handler.js:8"),
        ("componentize-py", "line 16, in handler"),
        ("componentize-qjs", "thrown by the guest"),
    ],
)
async def test_a_thrown_error_includes_the_position_in_the_source(engine: Engine, name: str, position: str) -> None:
    _, failure = await call(engine, await guest(engine, name), "/throw")
    assert failure is not None and failure.code is FailureCode.TRAP
    written = "\n".join(failure.stderr)
    assert "thrown by the guest" in written
    assert position in written


async def test_standard_fetch_is_denied_with_an_alternative(engine: Engine) -> None:
    _, failure = await call(engine, await guest(engine, "componentize-js with http"), "/fetch")
    assert failure is not None and failure.code is FailureCode.LIMIT
    assert "use http.fetch" in failure.message
