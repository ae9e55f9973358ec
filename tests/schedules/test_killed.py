"""Schedulers that are killed again and again: every due time has one outcome, and nothing runs twice on a runner that lives."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.responses import JSONResponse, Response

from holdfast.processes.child_process import ParentPipe
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.models.installs import TenantExtensionSchedule
from holdfast.schedules.tables import ScheduleCursor, ScheduleRun
from tests.events.recording_server import Recorded, serving
from tests.gateway.platform import INTERNAL_TOKEN, Platform, platform
from tests.records.databases import TENANT
from tests.session.effort import repetitions
from tests.waiting import MAX_WAIT_SECONDS, until

SCHEDULES = repetitions(24, long=300)
KILLS = repetitions(4, long=60)


@pytest.fixture
async def running(tmp_path: Path, database_url: str) -> AsyncIterator[Platform]:
    async with platform(tmp_path, front="asgi", database_url=database_url) as opened:
        yield opened
        await opened.services.close_background()


class Schedulers:
    """Scheduler processes on the database of a platform, calling its gateway at `origin`."""

    def __init__(self, running: Platform, origin: str) -> None:
        self._environment = {
            **os.environ,
            "HOLDFAST_DATABASE_URL": running.db.url,
            "HOLDFAST_DATA_DIR": str(running.folder / "data"),
            "REGISTRY_BASE_URL": origin,
            "RUNNER_SERVICE_TOKEN": INTERNAL_TOKEN,
            "HOLDFAST_SCHEDULER_LEASE_SECONDS": "1",
        }
        self._pipe = ParentPipe()
        self.processes: list[asyncio.subprocess.Process] = []

    async def start(self) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "holdfast.platform.scheduler", "--parent-pipe", str(self._pipe.child_end)]
        process = await asyncio.create_subprocess_exec(*command, env=self._environment, pass_fds=[self._pipe.child_end])
        self.processes.append(process)
        return process

    async def stop(self) -> None:
        """Closes the pipe, as the kernel does when the parent ends: the processes stop by themselves."""
        self._pipe.close()
        await asyncio.gather(*(process.wait() for process in self.processes))


@asynccontextmanager
async def schedulers(running: Platform) -> AsyncIterator[Schedulers]:
    async with serving(running.app) as port:
        started = Schedulers(running, f"http://127.0.0.1:{port}")
        try:
            yield started
        finally:
            await started.stop()


async def add_due(running: Platform, count: int, *, due: datetime) -> None:
    """Schedules of the installed extension that are due at that instant."""
    install_id = running.installed.install_id
    endpoints = await running.services.schedules.endpoints(TENANT, install_id)
    endpoint_id = next(one.id for one in endpoints if (one.method, one.path) == ("POST", "/notes"))
    async with running.db.transaction() as session:
        for _ in range(count):
            schedule = TenantExtensionSchedule(
                id=new_id(),
                install_id=install_id,
                tenant_id=TENANT,
                endpoint_id=endpoint_id,
                cron="0 3 1 1 *",
                timezone="UTC",
                enabled=True,
            )
            session.add(schedule)
            session.add(ScheduleCursor(schedule_id=schedule.id, cron=schedule.cron, timezone="UTC", enabled=True, next_due_at=due))


async def all_runs(db: Database) -> list[ScheduleRun]:
    async with db.session() as session:
        return list((await session.scalars(select(ScheduleRun))).all())


async def wait_until_over(db: Database, count: int) -> None:
    """Returns when there are so many runs, and all have ended."""
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while True:
            runs = await all_runs(db)
            if len(runs) == count and all(run.finished_at is not None for run in runs):
                return
            await asyncio.sleep(0.05)


def has_executed(executions: Counter[str], count: int) -> bool:
    return sum(executions.values()) >= count


@pytest.mark.process
async def test_every_due_time_has_one_outcome_and_runs_once_while_schedulers_are_killed(running: Platform) -> None:
    executions: Counter[str] = Counter()

    async def execute(request: Recorded) -> Response:
        key = request.header("x-idempotency-key")
        assert key is not None
        executions[key] += 1
        await asyncio.sleep(random.random() / 5)
        return JSONResponse({"status": 200, "headers": {}, "body_b64": None, "error": None})

    running.runner.answer = execute
    due = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
    async with schedulers(running) as started:
        alive = [await started.start(), await started.start()]
        for round_ in range(KILLS):
            await add_due(running, SCHEDULES // KILLS, due=due - timedelta(seconds=round_))
            expected = sum(executions.values()) + random.randint(1, 3)
            # A kill in the middle of the work, or of the start.
            await until(partial(has_executed, executions, expected))
            victim = alive.pop(0)
            victim.kill()
            await victim.wait()
            alive.append(await started.start())
        await wait_until_over(running.db, SCHEDULES // KILLS * KILLS)
    runs = await all_runs(running.db)
    assert {run.status for run in runs} == {"success"}
    assert len({(run.schedule_id, run.due_at) for run in runs}) == len(runs)
    # Each run made one attempt, and the runner, which lived all the time, executed each once.
    assert [run.attempts for run in runs] == [1] * len(runs)
    assert sorted(executions.values()) == [1] * len(runs)
    assert {run.repeats for run in runs} == {0}


@pytest.mark.process
async def test_a_failed_attempt_is_repeated_with_the_same_key_by_another_scheduler(
    running: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, str]] = []

    def execute(request: Recorded) -> Response:
        key = request.header("x-idempotency-key")
        assert key is not None
        calls.append((request.json["http"]["headers"]["x-idempotency-key"], key))
        status = 500 if len(calls) == 1 else 200
        return JSONResponse({"status": status, "headers": {}, "body_b64": None, "error": None})

    running.runner.answer = execute
    await add_due(running, 1, due=datetime.now(UTC) - timedelta(seconds=1))
    async with schedulers(running) as started:
        first = await started.start()
        await until(lambda: len(calls) == 1)
        first.kill()
        await first.wait()
        await started.start()
        await wait_until_over(running.db, 1)
    (run,) = await all_runs(running.db)
    assert (run.status, run.attempts, run.http_status) == ("success", 2, 200)
    assert [key for key, _ in calls] == [run.id, run.id]
    assert calls[0][1] != calls[1][1]
