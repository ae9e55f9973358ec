"""SingleFlight: one run per key, shared by every caller; any of them may be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from holdfast.concurrency.single_flight import SingleFlight


class Work:
    """Counts its runs; each waits until `finish` or `fail` is called."""

    def __init__(self) -> None:
        self.runs = 0
        self.cancelled = 0
        self._result: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.runs += 1
        try:
            return await asyncio.shield(self._result)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    def finish(self, value: str) -> None:
        self._result.set_result(value)

    def fail(self, error: Exception) -> None:
        self._result.set_exception(error)


class Resource:
    """Counts its users, as an open file does. The flight itself is the first user."""

    def __init__(self) -> None:
        self.users = 1

    def share(self) -> None:
        assert self.users > 0, "shared after its last user released it"
        self.users += 1

    def release(self) -> None:
        self.users -= 1


async def until(condition: Callable[[], bool]) -> None:
    """Runs the event loop until the condition holds. Nothing in these tests waits for a clock."""
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("the condition never held")


def start(flights: SingleFlight[str, str], work: Work, key: str = "a") -> asyncio.Task[str]:
    return asyncio.create_task(flights.run(key, work))


async def test_callers_at_the_same_time_share_one_run() -> None:
    flights, work = SingleFlight[str, str]("test"), Work()
    callers = [start(flights, work) for _ in range(10)]
    await until(lambda: work.runs == 1)
    assert "a" in flights
    work.finish("value")
    assert await asyncio.gather(*callers) == ["value"] * 10
    assert work.runs == 1
    assert len(flights) == 0


async def test_each_key_has_its_own_run() -> None:
    flights, one, two = SingleFlight[str, str]("test"), Work(), Work()
    first, second = start(flights, one, "a"), start(flights, two, "b")
    await until(lambda: one.runs == two.runs == 1)
    two.finish("2")
    assert await second == "2"
    assert not first.done()
    one.finish("1")
    assert await first == "1"


async def test_nothing_is_remembered_after_the_end() -> None:
    flights, one, two = SingleFlight[str, str]("test"), Work(), Work()
    one.finish("1")
    two.finish("2")
    assert await flights.run("a", one) == "1"
    assert await flights.run("a", two) == "2"


async def test_an_exception_reaches_every_caller_and_the_next_call_runs_again() -> None:
    flights, work, again = SingleFlight[str, str]("test"), Work(), Work()
    callers = [start(flights, work) for _ in range(3)]
    await until(lambda: work.runs == 1)
    work.fail(ValueError("no"))
    assert [str(error) for error in await asyncio.gather(*callers, return_exceptions=True)] == ["no"] * 3
    again.finish("yes")
    assert await flights.run("a", again) == "yes"


async def test_a_caller_that_got_the_exception_can_try_again_at_once() -> None:
    flights, work, again = SingleFlight[str, str]("test"), Work(), Work()
    work.fail(ValueError("no"))
    again.finish("yes")

    async def twice() -> str:
        with pytest.raises(ValueError, match="no"):
            await flights.run("a", work)
        return await flights.run("a", again)

    assert await twice() == "yes"


@pytest.mark.parametrize("leaver", [0, 1, 2])
async def test_a_cancelled_caller_leaves_the_run_to_the_others(leaver: int) -> None:
    """This holds for the first caller too, which started the work."""
    flights, work = SingleFlight[str, str]("test", cancel_abandoned=True), Work()
    callers = [start(flights, work) for _ in range(3)]
    await until(lambda: work.runs == 1)
    callers[leaver].cancel()
    await until(callers[leaver].done)
    assert callers[leaver].cancelled()
    work.finish("value")
    assert await asyncio.gather(*(caller for caller in callers if caller is not callers[leaver])) == ["value"] * 2
    assert work.cancelled == 0


async def test_work_without_callers_goes_on_for_the_next_one() -> None:
    flights, work = SingleFlight[str, str]("test"), Work()
    caller = start(flights, work)
    await until(lambda: work.runs == 1)
    caller.cancel()
    await until(caller.done)
    assert "a" in flights
    later = start(flights, work)
    work.finish("value")
    assert await later == "value"
    assert (work.runs, work.cancelled) == (1, 0)


async def test_an_exception_that_no_caller_waits_for_is_not_reported_to_the_loop() -> None:
    reports: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
    flights, work = SingleFlight[str, str]("test"), Work()
    caller = start(flights, work)
    await until(lambda: work.runs == 1)
    caller.cancel()
    await until(caller.done)
    work.fail(ValueError("no caller is left"))
    await until(lambda: len(flights) == 0)
    assert reports == []


async def test_cancel_abandoned_cancels_work_without_callers() -> None:
    flights, work = SingleFlight[str, str]("test", cancel_abandoned=True), Work()
    callers = [start(flights, work) for _ in range(2)]
    await until(lambda: work.runs == 1)
    callers[0].cancel()
    await until(callers[0].done)
    assert work.cancelled == 0
    callers[1].cancel()
    await until(callers[1].done)
    assert work.cancelled == 1
    assert len(flights) == 0


async def test_a_call_does_not_join_work_that_is_being_cancelled() -> None:
    flights, ended = SingleFlight[str, str]("test", cancel_abandoned=True), asyncio.Event()

    async def slow_to_end() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            await ended.wait()
        raise AssertionError("it was cancelled")

    caller = asyncio.create_task(flights.run("a", slow_to_end))
    await until(lambda: "a" in flights)
    await asyncio.sleep(0)
    caller.cancel()
    await until(lambda: "a" not in flights)
    assert not caller.done()
    work = Work()
    work.finish("fresh")
    assert await flights.run("a", work) == "fresh"
    ended.set()
    await until(caller.done)
    assert caller.cancelled()


async def test_close_cancels_the_work_and_waits_for_its_end() -> None:
    flights, work = SingleFlight[str, str]("test"), Work()
    callers = [start(flights, work, key) for key in "ab"]
    await until(lambda: work.runs == 2)
    await flights.close()
    assert work.cancelled == 2
    await until(lambda: all(caller.done() for caller in callers))
    assert all(caller.cancelled() for caller in callers)
    assert len(flights) == 0


async def test_a_shared_result_is_released_when_its_last_caller_has_it() -> None:
    flights: SingleFlight[str, Resource] = SingleFlight("test", share=Resource.share, release=Resource.release)
    resource, opened = Resource(), asyncio.Event()

    async def work() -> Resource:
        await opened.wait()
        return resource

    callers = [asyncio.create_task(flights.run("a", work)) for _ in range(3)]
    await until(lambda: "a" in flights)
    callers[0].cancel()
    opened.set()
    await asyncio.gather(*callers, return_exceptions=True)
    # The flight has released its own share; two callers hold one each.
    assert resource.users == 2


async def test_a_shared_result_without_callers_is_released() -> None:
    flights: SingleFlight[str, Resource] = SingleFlight("test", share=Resource.share, release=Resource.release)
    resource, opened = Resource(), asyncio.Event()

    async def work() -> Resource:
        await opened.wait()
        return resource

    caller = asyncio.create_task(flights.run("a", work))
    await until(lambda: "a" in flights)
    caller.cancel()
    await until(caller.done)
    opened.set()
    await until(lambda: resource.users == 0)


@pytest.mark.parametrize("end", ["result", "exception", "cancelled before its first step"])
async def test_cleanup_runs_once_however_the_work_ends(end: str) -> None:
    flights, cleanups, work = SingleFlight[str, str]("test"), list[str](), Work()
    first = asyncio.create_task(flights.run("a", work, cleanup=lambda: cleanups.append("first")))
    second = asyncio.create_task(flights.run("a", work, cleanup=lambda: cleanups.append("second")))
    if end == "result":
        work.finish("value")
    elif end == "exception":
        work.fail(ValueError("no"))
    else:
        await until(lambda: "a" in flights)
        await flights.close()
    await asyncio.gather(first, second, return_exceptions=True)
    assert cleanups == ["first"]
