"""`holdfast up` and the scheduler that it starts: when it is needed, again after a kill, and not longer than the platform runs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from holdfast.contract.schedules import RunInfo, ScheduleInfo
from holdfast.records.database.database import Database
from holdfast.schedules.definitions.service import ScheduleService
from tests.cli.command_runner import Platform, alive, write_extension
from tests.waiting import MAX_WAIT_SECONDS

MODULE = "holdfast.platform.scheduler"
ENDPOINT = {"method": "GET", "path": "/ping", "handler": "dist/main", "schedulable": True}
DISABLED = {"endpoint": "/ping", "cron": "0 9 * * *", "timezone": "Europe/Berlin", "name": "Daily", "enabled": False}


@asynccontextmanager
async def schedules(platform: Platform) -> AsyncIterator[ScheduleService]:
    db = Database(f"sqlite+aiosqlite:///{platform.data_dir / 'holdfast.db'}")
    try:
        yield ScheduleService(db)
    finally:
        await db.close()


async def the_schedule(platform: Platform, tenant: str, install_id: str) -> ScheduleInfo:
    async with schedules(platform) as service:
        (schedule,) = await service.list_schedules(tenant, install_id)
        return schedule


async def run_to_its_end(platform: Platform, tenant: str, install_id: str, schedule_id: str) -> RunInfo:
    async with schedules(platform) as service, asyncio.timeout(MAX_WAIT_SECONDS):
        run = await service.run_now(tenant, install_id, schedule_id)
        while run.finished_at is None:
            await asyncio.sleep(0.05)
            run = await service.get_run(tenant, install_id, run.id)
        return run


def test_the_scheduler_is_started_when_it_is_needed_and_again_after_a_kill_and_ends_with_the_platform(
    tmp_path: Path, component: bytes
) -> None:
    sample = write_extension(tmp_path / "sample", component=component, api={"endpoints": [ENDPOINT]}, schedules=[DISABLED])
    with Platform(tmp_path, sample) as platform:
        ready = platform.ready()
        installs = httpx2.get(f"{platform.console}/api/v1/extensions", headers={"x-api-key": ready["api_key"]}, trust_env=False)
        tenant, install_id = ready["tenant"], installs.json()["extensions"][0]["installId"]
        schedule = asyncio.run(the_schedule(platform, tenant, install_id))
        assert (schedule.endpoint_path, schedule.enabled) == ("/ping", False)
        # Nothing is to be scheduled: there is no process for it.
        assert platform.children(MODULE) == set()
        run = asyncio.run(run_to_its_end(platform, tenant, install_id, schedule.id))
        assert (run.status, run.attempts, run.http_status, run.error) == ("success", 1, 200, None)
        (first,) = platform.children(MODULE)
        os.kill(first, signal.SIGKILL)
        again = asyncio.run(run_to_its_end(platform, tenant, install_id, schedule.id))
        assert (again.status, again.attempts, again.repeats) == ("success", 1, 0)
        (second,) = platform.children(MODULE)
        assert second != first
        platform.process.terminate()
        assert platform.process.wait(MAX_WAIT_SECONDS) == 0, platform.stderr_text()
        assert alive([first, second]) == []
