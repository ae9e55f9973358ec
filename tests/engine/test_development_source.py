"""A development component runs the code that the host gives it; without such code it does not run."""

from __future__ import annotations

import asyncio

from holdfast.engine import Engine, FailureCode
from tests.engine import guests
from tests.engine.conftest import LIMITS, RecordingHost, Run, request
from tests.engine.guests import RETURN, module


async def test_each_call_gets_the_code_of_its_own_component(engine: Engine) -> None:
    wasm = guests.development()
    component = await engine.load(wasm, guests.sha256(wasm))
    assert component.needs_source
    texts = ["", "one ü€😀", "x" * 1_000_000, "\0"]
    outcomes = await asyncio.gather(
        *(engine.execute(component.with_source(text), request(), RecordingHost(), LIMITS) for text in texts * 3)
    )
    bodies = [outcome.response.body for outcome in outcomes if outcome.response is not None]
    assert bodies == [text.encode() for text in texts * 3]


async def test_without_code_the_call_ends_and_says_so(engine: Engine) -> None:
    wasm = guests.development()
    outcome = await engine.execute(await engine.load(wasm, guests.sha256(wasm)), request(), RecordingHost(), LIMITS)
    assert outcome.failure is not None and outcome.failure.code is FailureCode.LIMIT
    assert "`holdfast dev`" in outcome.failure.message


async def test_other_components_need_no_code(engine: Engine, run: Run) -> None:
    wasm = guests.assemble(module(RETURN))
    component = await engine.load(wasm, guests.sha256(wasm))
    assert not component.needs_source
