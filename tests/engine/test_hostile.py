"""Every guest of the catalogue ends as expected and affects no other call: those return, and nothing is left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from holdfast.engine import Component, Engine, FailureCode, Limits, Outcome
from holdfast.engine.capi import calls, prototypes
from holdfast.world.types import StorageEntry
from tests.engine import guests
from tests.engine.conftest import RecordingHost, request
from tests.engine.guests import RETURN, module
from tests.engine.hostile import ENDLESS, GET, LOG, PATIENT, Hostile, never, waiting_host
from tests.engine.hostile_guests import CATALOGUE
from tests.engine.test_wasi import System
from tests.session.effort import repetitions

GOOD_CALLS = repetitions(300, long=1_000)
GROWTH_MAX_BYTES = 200 << 20
"""Resident memory that may stay after the run_among_good_calls: warm pool slots and the allocator's reserve, but nothing of the calls."""

# Logs and returns its url: the url's pointer and length are at offset 60 and 64 of the request.
_URL = "(i32.load (i32.add (local.get $request) (i32.const 60))) (i32.load (i32.add (local.get $request) (i32.const 64)))"
GOOD = module(
    f"(call $log {_URL}) (call $keep {_URL}) {RETURN}",
    imports=LOG,
    items="(func $keep (param i32 i32) (i32.store (i32.const 1040) (local.get 0)) (i32.store (i32.const 1044) (local.get 1)))",
)
ASK = f"(call $get{' (i32.const 0)' * 4} (i32.const 512))"
WAITING = module(ASK + RETURN, imports=GET)


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Reused between runs: the catalogue is long, and these tests do not test compiling."""
    return guests.CACHE.parent / "artifacts"


@pytest.fixture
async def engine(artifacts: Path) -> AsyncIterator[Engine]:
    made = Engine(artifacts, pool_instances=64)
    yield made
    await made.close()


@pytest.fixture
def wasi(engine: Engine, tmp_path: Path) -> System:
    return System(engine, tmp_path)


def check_outcome(guest: Hostile, outcome: Outcome) -> None:
    """Checks that the guest's call ended with its expected outcome."""
    if isinstance(guest.ends, int):
        assert outcome.response is not None, f"{guest.does}: {outcome.failure}"
        assert outcome.response.status == guest.ends, guest.does
    else:
        assert outcome.failure is not None, f"{guest.does}: {outcome.response}"
        assert outcome.failure.code is guest.ends, f"{guest.does}: {outcome.failure}"
        assert guest.says in outcome.failure.message, f"{guest.does}: {outcome.failure}"
        assert "\n" not in outcome.failure.message, guest.does


@pytest.mark.parametrize("guest", CATALOGUE, ids=[guest.does for guest in CATALOGUE])
async def test_a_hostile_guest_ends_with_its_expected_outcome(engine: Engine, wasi: System, guest: Hostile) -> None:
    host = guest.host()
    outcome = await engine.execute(await wasi.load(guest.core), request(), host, guest.limits)
    check_outcome(guest, outcome)
    assert len(host.lines) <= guest.limits.log_lines + 1
    assert len(host.calls) <= guest.limits.host_calls
    assert not calls.running_calls and not calls.pending


async def good_call(engine: Engine, component: Component, url: str) -> None:
    """One call; checks that its response and its host calls are its own and not those of another call."""

    async def later(*_: object) -> None:
        await asyncio.sleep(0)  # lets other calls run

    host = RecordingHost(logging__log_info=later)
    outcome = await engine.execute(component, request(url), host, PATIENT)
    assert outcome.response is not None, outcome.failure
    assert outcome.response.body == url.encode()
    assert host.calls == [("logging.log-info", (url,))]


async def run_among_good_calls(engine: Engine, good: Component, hostile: list[tuple[Hostile, Component]], count: int) -> None:
    """All hostile guests at once among good calls; checks every one of them."""
    # As many at once as the pool has instances: waiting for one would use up the short deadlines that some guests must reach.
    slots = asyncio.Semaphore(64)

    async def bad_call(guest: Hostile, component: Component) -> None:
        async with slots:
            check_outcome(guest, await engine.execute(component, request(), guest.host(), guest.limits))

    async def call(number: int) -> None:
        async with slots:
            await good_call(engine, good, f"/call/{number}")

    between = count // len(hostile)
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            if number % between == 0 and number // between < len(hostile):
                group.create_task(bad_call(*hostile[number // between]))
            group.create_task(call(number))


async def test_hostile_guests_do_not_disturb_other_calls(artifacts: Path, tmp_path: Path) -> None:
    threads, process = set(threading.enumerate()), psutil.Process()
    engine = Engine(artifacts, pool_instances=64)
    wasi = System(engine, tmp_path)
    good = await wasi.load(GOOD)
    hostile = [(guest, await wasi.load(guest.core)) for guest in CATALOGUE]
    await run_among_good_calls(engine, good, hostile, 2 * len(hostile))  # warms the pool, the allocator and the loop's own threads
    tasks, alive, files, resident = asyncio.all_tasks(), set(threading.enumerate()), process.num_fds(), process.memory_info().rss

    await run_among_good_calls(engine, good, hostile, GOOD_CALLS)

    assert asyncio.all_tasks() == tasks == {asyncio.current_task()}
    assert set(threading.enumerate()) <= alive
    assert process.num_fds() <= files
    assert not calls.running_calls
    assert not calls.pending
    assert process.memory_info().rss - resident < GROWTH_MAX_BYTES
    await engine.close()
    assert "holdfast-clock" not in {thread.name for thread in set(threading.enumerate()) - threads}


async def test_greedy_components_leave_resources_for_every_other_call(engine: Engine, wasi: System) -> None:
    # 63 calls with all the memories and tables that a call may have; none ends before the last good call has returned.
    greedy = await wasi.load(module(ASK + RETURN, imports=GET, items="(memory 1)" * 7 + "(table 1 funcref)" * 62))
    good = await wasi.load(GOOD)
    limits, hosts = Limits(timeout_ms=600_000), [waiting_host() for _ in range(63)]
    holding = [asyncio.create_task(engine.execute(greedy, request(), host, limits)) for host in hosts]
    while not all(host.calls or task.done() for host, task in zip(hosts, holding, strict=True)):
        await asyncio.sleep(0)
    for number in range(3):
        await good_call(engine, good, f"/{number}")
    assert not any(task.done() for task in holding)
    for task in holding:
        task.cancel()
    await asyncio.gather(*holding, return_exceptions=True)
    assert not calls.running_calls


async def start_and_cancel(engine: Engine, component: Component, host: RecordingHost) -> asyncio.Task[Outcome]:
    """A call that is cancelled while the guest waits for its host."""
    task = asyncio.create_task(engine.execute(component, request(), host, PATIENT))
    while not host.calls:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    return task


async def test_a_cancelled_call_ends_its_host_functions(engine: Engine, wasi: System) -> None:
    ended: list[str] = []

    async def wait_forever(*_: object) -> object:
        try:
            return await never()
        finally:
            ended.append("the host's coroutine")

    task = await start_and_cancel(engine, await wasi.load(WAITING), RecordingHost(storage__get=wait_forever))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended
    assert not calls.running_calls and not calls.pending
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_call_cancelled_twice_leaves_nothing_behind(engine: Engine, wasi: System) -> None:
    cleaning = asyncio.Event()

    async def slow_to_end(*_: object) -> object:
        try:
            return await never()
        finally:
            cleaning.set()
            await never()

    task = await start_and_cancel(engine, await wasi.load(WAITING), RecordingHost(storage__get=slow_to_end))
    await cleaning.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not calls.running_calls and not calls.pending
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_result_after_the_end_of_the_guest_is_not_written(engine: Engine, wasi: System, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, good = await wasi.load(WAITING), await wasi.load(GOOD)
    written: list[int] = []
    monkeypatch.setattr(prototypes, "value_clone", lambda _value, results: written.append(results))

    async def returns_anyway(*_: object) -> object:
        try:
            return await never()
        except asyncio.CancelledError:
            return StorageEntry("n", "k", b"late", None)

    outcome = await engine.execute(waiting, request(), RecordingHost(storage__get=returns_anyway), ENDLESS)
    assert outcome.failure is not None and outcome.failure.code is FailureCode.DEADLINE
    assert written == []
    monkeypatch.undo()
    await good_call(engine, good, "/after")


async def test_a_guest_waits_for_its_host_until_its_deadline_at_most(engine: Engine, wasi: System) -> None:
    host = waiting_host()
    outcome = await engine.execute(await wasi.load(WAITING), request(), host, ENDLESS)
    assert outcome.failure is not None and outcome.failure.code is FailureCode.DEADLINE
    assert host.calls == [("storage.get", ("", ""))]
