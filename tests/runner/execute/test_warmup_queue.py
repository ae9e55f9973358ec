"""The queue of preparations: joined, fair among tenants, bounded, and independent of who waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from holdfast.errors import HoldfastError
from holdfast.runner.execute.warmup_queue import Place, WarmupQueue, WarmupQueueFull
from tests.waiting import until


class Work:
    """Preparations that end when the test says so, in the order in which they started."""

    def __init__(self) -> None:
        self.started: list[Place] = []
        self.ends: dict[Place, asyncio.Future[bool]] = {}

    async def prepare(self, place: Place) -> bool:
        self.started.append(place)
        self.ends[place] = asyncio.get_running_loop().create_future()
        return await self.ends[place]

    async def end(self, place: Place) -> None:
        await until(lambda: place in self.ends)
        self.ends[place].set_result(True)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
async def queue(work: Work) -> AsyncIterator[WarmupQueue]:
    queue = WarmupQueue(work.prepare, at_once=2, max_per_tenant=3)
    yield queue
    await queue.close()


def place(tenant: str, number: int = 0) -> Place:
    return (tenant, "extension", f"{number:064x}")


async def test_requests_for_one_bundle_join_one_preparation(queue: WarmupQueue, work: Work) -> None:
    callers = [asyncio.create_task(queue.prepare(place("a"))) for _ in range(5)]
    await work.end(place("a"))
    assert await asyncio.gather(*callers) == [True] * 5
    assert work.started == [place("a")]


async def test_a_preparation_goes_on_when_its_callers_have_left(queue: WarmupQueue, work: Work) -> None:
    caller = asyncio.create_task(queue.prepare(place("a")))
    await until(lambda: work.started)
    caller.cancel()
    await asyncio.wait([caller])
    assert await queue.prepare(place("a"), 0) is None
    later = asyncio.create_task(queue.prepare(place("a")))
    await work.end(place("a"))
    assert await later is True
    assert work.started == [place("a")]


async def test_a_tenant_with_many_bundles_does_not_stop_the_others(queue: WarmupQueue, work: Work) -> None:
    for number in range(3):
        await queue.prepare(place("a", number), 0)
    await queue.prepare(place("b"), 0)
    await queue.prepare(place("c"), 0)
    await until(lambda: len(work.started) == 2)
    assert work.started == [place("a", 0), place("b")]
    await work.end(place("b"))
    await until(lambda: len(work.started) == 3)
    assert work.started[-1] == place("c")
    await work.end(place("a", 0))
    await until(lambda: len(work.started) == 4)
    assert work.started[-1] == place("a", 1)


async def test_the_line_of_a_tenant_is_bounded(queue: WarmupQueue, work: Work) -> None:
    for number in range(4):  # one runs, three wait
        await queue.prepare(place("a", number), 0)
    with pytest.raises(WarmupQueueFull) as full:
        await queue.prepare(place("a", 4), 0)
    assert (full.value.code, full.value.status) == ("warmup_queue_full", 429)
    assert queue.waiting == 3
    assert await queue.prepare(place("a", 3), 0) is None  # joined, not refused
    assert await queue.prepare(place("b"), 0) is None


async def test_a_failure_reaches_all_callers_and_is_forgotten(queue: WarmupQueue, work: Work) -> None:
    callers = [asyncio.create_task(queue.prepare(place("a"))) for _ in range(2)]
    await until(lambda: work.started)
    work.ends[place("a")].set_exception(HoldfastError("broken"))
    assert [str(result) for result in await asyncio.gather(*callers, return_exceptions=True)] == ["broken", "broken"]
    again = asyncio.create_task(queue.prepare(place("a")))
    await until(lambda: len(work.started) == 2)
    await work.end(place("a"))
    assert await again is True


async def test_a_cancelled_preparation_lets_no_caller_wait(queue: WarmupQueue, work: Work) -> None:
    caller = asyncio.create_task(queue.prepare(place("a")))
    await until(lambda: work.started)
    work.ends[place("a")].cancel()
    await asyncio.wait([caller])
    assert caller.cancelled()


async def test_closing_ends_everything(queue: WarmupQueue, work: Work) -> None:
    callers = [asyncio.create_task(queue.prepare(place("a", number))) for number in range(3)]
    await until(lambda: work.started)
    await queue.close()
    await asyncio.wait(callers)
    assert all(caller.cancelled() for caller in callers)
    assert work.started == [place("a", 0)]
