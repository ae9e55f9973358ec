"""Scheduler processes on the database of a platform of the gateway's tests, and schedules that are due for them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import select

from holdfast.processes.child_process import ParentPipe, SupervisedChild
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.models.installs import TenantExtensionSchedule
from holdfast.schedules.tables import ScheduleCursor, ScheduleRun
from tests.events.recording_server import serving
from tests.gateway.platform import INTERNAL_TOKEN, Platform
from tests.records.databases import TENANT
from tests.waiting import MAX_WAIT_SECONDS


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
            "HOLDFAST_SCHEDULE_RETRY_SECONDS": "1",
            "HOLDFAST_EVENT_RETRY_SECONDS": "1",
            "HOLDFAST_EVENT_ATTEMPTS": "2",
        }
        self._pipe = ParentPipe()
        self._origin = origin
        self._held: socket.socket | None = None
        self._forwarding: asyncio.Server | None = None
        self._running: list[asyncio.Task[None]] = []

    async def start(self) -> SupervisedChild:
        """Starts one, and another one whenever it ends, as `holdfast up` does: on a slow machine, one may take another for dead."""
        command = [sys.executable, "-m", "holdfast.platform.scheduler", "--parent-pipe", str(self._pipe.child_end)]
        child = SupervisedChild("scheduler", command, environment=self._environment, pass_fds=[self._pipe.child_end], pause=_no_pause)
        self._running.append(asyncio.create_task(child.run()))
        await child.started.wait()
        return child

    def gateway_is_away(self) -> None:
        """Schedulers that are started now find no gateway: its address is that of a port on which no one listens."""
        self._held = socket.socket()
        self._held.bind(("127.0.0.1", 0))
        self._environment["REGISTRY_BASE_URL"] = f"http://127.0.0.1:{self._held.getsockname()[1]}"

    async def gateway_is_back(self) -> None:
        """The port of `gateway_is_away` forwards to the gateway."""
        assert self._held is not None
        port = int(self._origin.rpartition(":")[2])

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_copy(reader, to_writer), _copy(to_reader, writer))

        self._forwarding = await asyncio.start_server(forward, sock=self._held)

    async def stop(self) -> None:
        """Stops all of them, and the forwarding."""
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._pipe.close()
        if self._forwarding is not None:
            self._forwarding.close()
            await self._forwarding.wait_closed()


def kill(child: SupervisedChild) -> None:
    """Kills the process that runs now, if one does."""
    if child.pid is not None:
        os.kill(child.pid, signal.SIGKILL)


async def _no_pause(seconds: float) -> None:
    await asyncio.sleep(0)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def schedulers(running: Platform) -> AsyncIterator[Schedulers]:
    async with serving(running.app) as port:
        started = Schedulers(running, f"http://127.0.0.1:{port}")
        try:
            yield started
        finally:
            await started.stop()


async def add_due(running: Platform, count: int, *, due: datetime) -> list[str]:
    """Adds schedules of the installed extension that are due at that instant; returns their ids."""
    install_id = running.installed.install_id
    endpoints = await running.services.schedules.endpoints(TENANT, install_id)
    endpoint_id = next(one.id for one in endpoints if (one.method, one.path) == ("POST", "/notes"))
    ids = [new_id() for _ in range(count)]
    async with running.db.transaction() as session:
        for schedule_id in ids:
            schedule = TenantExtensionSchedule(
                id=schedule_id,
                install_id=install_id,
                tenant_id=TENANT,
                endpoint_id=endpoint_id,
                cron="0 3 1 1 *",
                timezone="UTC",
                enabled=True,
            )
            session.add(schedule)
            session.add(ScheduleCursor(schedule_id=schedule.id, cron=schedule.cron, timezone="UTC", enabled=True, next_due_at=due))
    return ids


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
