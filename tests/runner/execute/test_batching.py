"""CallBatcher: calls that arrive together pass each phase together. After slow batches, no call waits."""

from __future__ import annotations

import asyncio

import pytest

from holdfast.runner.execute import batching
from holdfast.runner.execute.batching import CallBatcher
from tests.waiting import MAX_WAIT_SECONDS


async def call(steps: list[str], batcher: CallBatcher) -> None:
    steps.append("read")
    await batcher.before_guest()
    steps.append("run")
    await batcher.after_guest()
    steps.append("respond")


async def test_calls_that_arrive_together_are_read_then_run_then_responded_to() -> None:
    steps: list[str] = []
    batcher = CallBatcher()
    await asyncio.gather(*[call(steps, batcher) for _ in range(3)])
    assert steps == ["read"] * 3 + ["run"] * 3 + ["respond"] * 3


async def test_a_lone_call_does_not_wait() -> None:
    steps: list[str] = []
    await asyncio.wait_for(call(steps, CallBatcher()), MAX_WAIT_SECONDS)
    assert steps == ["read", "run", "respond"]


async def test_the_first_call_does_not_wait_forever_while_others_arrive() -> None:
    batcher, over = CallBatcher(), asyncio.Event()

    async def crowd() -> None:
        while not over.is_set():
            waiting.append(asyncio.create_task(batcher.before_guest()))
            await asyncio.sleep(0)

    waiting: list[asyncio.Task[None]] = []
    first = asyncio.create_task(batcher.before_guest())
    coming = asyncio.create_task(crowd())
    await asyncio.wait_for(first, MAX_WAIT_SECONDS)
    over.set()
    await asyncio.gather(coming, *waiting)


async def test_a_call_cancelled_while_it_waits_does_not_affect_the_others() -> None:
    batcher = CallBatcher()
    one, other = (asyncio.create_task(batcher.before_guest()) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.wait_for(other, MAX_WAIT_SECONDS)
    assert one.cancelled()


async def test_after_slow_batches_no_call_waits_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def later() -> float:
        nonlocal now
        now += 0.05
        return now

    monkeypatch.setattr(batching, "_now", later)
    batcher = CallBatcher()
    for _ in range(batching.SLOW_IN_A_ROW):
        await batcher.before_guest()
    monkeypatch.setattr(batching, "_now", lambda: now)
    steps: list[str] = []
    await asyncio.gather(*[call(steps, batcher) for _ in range(2)])
    assert steps == ["read", "run", "respond"] * 2
    now += batching.REST_SECONDS + 0.05
    steps.clear()
    await asyncio.gather(*[call(steps, batcher) for _ in range(2)])
    assert steps == ["read"] * 2 + ["run"] * 2 + ["respond"] * 2


async def test_a_batcher_that_is_switched_off_lets_each_call_run_at_once() -> None:
    steps: list[str] = []
    batcher = CallBatcher(enabled=False)
    await asyncio.gather(*[call(steps, batcher) for _ in range(2)])
    assert steps == ["read", "run", "respond"] * 2
