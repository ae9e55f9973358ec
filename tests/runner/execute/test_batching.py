"""Calls that come together go through their phases together, and nobody waits beside guests that compute."""

from __future__ import annotations

import asyncio

import pytest

from holdfast.runner.execute import batching as turns
from holdfast.runner.execute.batching import CallBatcher
from tests.waiting import MAX_WAIT_SECONDS


async def call(steps: list[str], together: CallBatcher) -> None:
    steps.append("read")
    await together.before_guest()
    steps.append("run")
    await together.after_guest()
    steps.append("answer")


async def test_calls_that_come_together_are_read_then_run_then_answered() -> None:
    steps: list[str] = []
    together = CallBatcher()
    await asyncio.gather(*[call(steps, together) for _ in range(3)])
    assert steps == ["read"] * 3 + ["run"] * 3 + ["answer"] * 3


async def test_a_call_alone_waits_for_nobody() -> None:
    steps: list[str] = []
    await asyncio.wait_for(call(steps, CallBatcher()), MAX_WAIT_SECONDS)
    assert steps == ["read", "run", "answer"]


async def test_the_first_does_not_wait_for_ever_while_others_come() -> None:
    together, over = CallBatcher(), asyncio.Event()

    async def crowd() -> None:
        while not over.is_set():
            waiting.append(asyncio.create_task(together.before_guest()))
            await asyncio.sleep(0)

    waiting: list[asyncio.Task[None]] = []
    first = asyncio.create_task(together.before_guest())
    coming = asyncio.create_task(crowd())
    await asyncio.wait_for(first, MAX_WAIT_SECONDS)
    over.set()
    await asyncio.gather(coming, *waiting)


async def test_one_that_goes_away_while_it_waits_leaves_the_others_alone() -> None:
    together = CallBatcher()
    one, other = (asyncio.create_task(together.before_guest()) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.wait_for(other, MAX_WAIT_SECONDS)
    assert one.cancelled()


async def test_after_slow_turns_nobody_waits_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def later() -> float:
        nonlocal now
        now += 0.05
        return now

    monkeypatch.setattr(turns, "_now", later)
    together = CallBatcher()
    for _ in range(turns.SLOW_IN_A_ROW):
        await together.before_guest()
    monkeypatch.setattr(turns, "_now", lambda: now)
    steps: list[str] = []
    await asyncio.gather(*[call(steps, together) for _ in range(2)])
    assert steps == ["read", "run", "answer"] * 2
    now += turns.REST_SECONDS + 0.05
    steps.clear()
    await asyncio.gather(*[call(steps, together) for _ in range(2)])
    assert steps == ["read"] * 2 + ["run"] * 2 + ["answer"] * 2
