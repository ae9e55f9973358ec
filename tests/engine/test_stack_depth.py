"""Handlers may nest their calls deeply. Beyond the limit they get an error that they can catch, and the host gets no trap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from holdfast.bundles.store.hashing import hash_file
from holdfast.engine import Component, Engine, FailureCode, Limits
from tests.engine import guests
from tests.engine.conftest import LIMITS, RecordingHost, request
from tests.engine.guests import RETURN, module

ARTIFACTS = Path(__file__).parents[2] / "build" / "test-artifacts"


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine(ARTIFACTS, pool_instances=16)
    yield engine
    await engine.close()


@pytest.fixture
async def probe(engine: Engine, built: Callable[[str], Path]) -> Component:
    wasm = built("engine-probe") / "dist" / "main.wasm"
    return await engine.load(wasm, hash_file(wasm))


async def go(engine: Engine, component: Component, url: str, limits: Limits = LIMITS) -> object:
    outcome = await engine.execute(component, request(url), RecordingHost(), limits)
    assert outcome.failure is None, outcome.failure
    assert outcome.response is not None and outcome.response.body is not None
    return msgspec.json.decode(outcome.response.body)


@pytest.mark.parametrize(
    ("kind", "levels"),
    [
        ("frames", 5_000),
        ("constructors", 5_000),
        ("getters", 2_500),
        ("nested", 1_500),
        ("parse", 5_000),
        ("stringify", 5_000),
        ("regexp", 200_000),
        ("groups", 2_000),
    ],
)
async def test_deep_recursion_has_a_result(engine: Engine, probe: Component, kind: str, levels: int) -> None:
    assert await go(engine, probe, f"/deep/{kind}/{levels}") == levels


@pytest.mark.parametrize("kind", ["frames", "constructors", "getters", "nested", "sorting", "parse"])
async def test_deeper_recursion_is_a_range_error_that_the_handler_can_catch(engine: Engine, probe: Component, kind: str) -> None:
    assert await go(engine, probe, f"/twice/{kind}/1000000") == ["RangeError true", "RangeError true", 1_000]


async def test_a_call_without_memory_for_more_stack_gets_the_range_error_too(engine: Engine, probe: Component) -> None:
    assert await go(engine, probe, "/deep/frames/2000", Limits(memory_mb=2, timeout_ms=60_000)) == 2_000
    assert await go(engine, probe, "/deep/frames/5000", Limits(memory_mb=2, timeout_ms=60_000)) == "RangeError true"


async def test_deep_calls_at_the_same_time_do_not_disturb_each_other(engine: Engine, probe: Component) -> None:
    urls = ["/deep/frames/5000", "/deep/parse/1000000", "/deep/nested/1000000"] * 5
    answers = await asyncio.gather(*(go(engine, probe, url) for url in urls))
    assert answers == [5_000, "RangeError true", "RangeError true"] * 5


RECURSION = module(
    f"(drop (call $deeper (i32.const 0))) {RETURN}",
    items="(func $deeper (param i32) (result i32) (call $deeper (local.get 0)))",
)
OVER_THE_START = module(
    f"(drop (call $deeper (i32.const 100000))) {RETURN}",
    items="(func $deeper (param i32) (result i32) (i32.store (local.get 0) (i32.const 0))"
    " (call $deeper (i32.sub (local.get 0) (i32.const 64))))",
)
"""As compiled code whose own stack is at the start of its memory."""


@pytest.mark.parametrize("core", [RECURSION, OVER_THE_START])
async def test_a_guest_without_a_check_of_its_own_ends_with_a_sentence(engine: Engine, core: str) -> None:
    wasm = guests.assemble(core)
    outcome = await engine.execute(await engine.load(wasm, guests.sha256(wasm)), request(), RecordingHost(), LIMITS)
    assert outcome.failure is not None and outcome.failure.code is FailureCode.TRAP
    assert "functions call each other too deeply" in outcome.failure.message


async def test_the_size_of_the_stack_can_be_set(tmp_path: Path) -> None:
    # About 20 bytes a level: enough for a small stack, too much for a tiny one.
    wasm = guests.assemble(
        module(
            f"(drop (call $down (i32.const 60000))) {RETURN}",
            items="(func $down (param i32) (result i32) (if (result i32) (local.get 0)"
            " (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1))))) (else (i32.const 0))))",
        )
    )
    ends = []
    for megabytes in (1, 8):
        engine = Engine(tmp_path, pool=False, stack_mb=megabytes)
        outcome = await engine.execute(await engine.load(wasm, guests.sha256(wasm)), request(), RecordingHost(), LIMITS)
        ends.append(outcome.failure is None)
        await engine.close()
    assert ends == [False, True]
