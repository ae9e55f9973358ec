"""Several real runners: no call fails that could have been served, and no call is executed twice."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from holdfast.gateway.runners import health
from tests.gateway.runners.fleet import Fleet, running_fleet
from tests.waiting import until

pytestmark = pytest.mark.process
CALLERS = 8


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(autouse=True)
def frequent_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.1)


@asynccontextmanager
async def traffic(fleet: Fleet, content_hash: str) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Calls without a pause, in CALLERS tasks. Yields a function that waits for that many further calls to end."""
    stopped = False

    def ended() -> int:
        return len(fleet.succeeded) + len(fleet.failed)

    async def repeat() -> None:
        while not stopped:
            await fleet.call(content_hash)

    async def further(count: int) -> None:
        goal = ended() + count
        await until(lambda: ended() >= goal)

    callers = [asyncio.create_task(repeat()) for _ in range(CALLERS)]
    try:
        yield further
    finally:
        stopped = True
        await asyncio.gather(*callers)


def assert_executed_once(fleet: Fleet) -> None:
    """Each call that succeeded was executed once, and each that failed at most once."""
    executed = fleet.executed()
    assert {request_id: executed[request_id] for request_id in fleet.succeeded if executed[request_id] != 1} == {}
    assert {request_id: executed[request_id] for request_id in fleet.failed if executed[request_id] > 1} == {}
    assert set(executed) <= {*fleet.succeeded, *fleet.failed}


async def test_a_killed_runner_costs_only_the_calls_that_it_was_executing(tmp_path: Path, artifacts: Path) -> None:
    async with running_fleet(tmp_path, artifacts, 3) as fleet:
        content_hash = await fleet.put_counted()
        owner = fleet.owner(content_hash)
        async with traffic(fleet, content_hash) as further:
            await further(50)
            await fleet.runners[owner].stop(signal.SIGKILL)
            await further(50)
            assert not fleet.client.runners[owner].is_up
            await fleet.runners[owner].start()
            await until(lambda: fleet.client.runners[owner].is_up)
            before = dict(fleet.failed)
            await further(50)
            assert fleet.failed == before
        # What it was executing may have had its effect, so it is not executed again.
        assert len(fleet.failed) <= CALLERS
        assert_executed_once(fleet)


async def test_runners_that_are_restarted_in_turn_cost_no_call(tmp_path: Path, artifacts: Path) -> None:
    async with running_fleet(tmp_path, artifacts, 2) as fleet:
        content_hash = await fleet.put_counted()
        async with traffic(fleet, content_hash) as further:
            await further(50)
            for index, runner in enumerate(fleet.runners):
                await runner.stop()
                await further(20)
                await runner.start()
                await until(lambda index=index: fleet.client.runners[index].is_up)  # type: ignore[misc]
                await further(20)
        assert fleet.failed == {}
        assert_executed_once(fleet)


async def test_a_runner_that_hangs_gets_no_further_calls_until_it_responds_again(tmp_path: Path, artifacts: Path) -> None:
    async with running_fleet(tmp_path, artifacts, 2) as fleet:
        content_hash = await fleet.put_counted()
        owner = fleet.owner(content_hash)
        await fleet.call(content_hash)
        fleet.runners[owner].send(signal.SIGSTOP)
        try:
            hanging = [asyncio.create_task(fleet.call(content_hash)) for _ in range(CALLERS)]
            await until(lambda: not fleet.client.runners[owner].is_up)
            for _ in range(5):
                await fleet.call(content_hash)
        finally:
            fleet.runners[owner].send(signal.SIGCONT)
        await asyncio.gather(*hanging)
        await until(lambda: fleet.client.runners[owner].is_up)
        assert fleet.failed == {}
        assert_executed_once(fleet)
