"""Runs by hand and the history of runs, on both databases, and what another tenant sees of them: nothing."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.contract.schedules import ScheduleInfo
from holdfast.records.database.uuids import new_id
from holdfast.schedules.definitions.service import MAX_RUNS_NOW, ScheduleService
from holdfast.schedules.errors import ScheduleError
from holdfast.schedules.tables import ScheduleRun
from tests.gateway.platform import Platform
from tests.records.databases import OTHER_TENANT, TENANT

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(platform: Platform, clock: Clock) -> ScheduleService:
    return ScheduleService(platform.db, now=clock)


async def add(service: ScheduleService, install_id: str, *, tenant_id: str = TENANT, **fields: Any) -> ScheduleInfo:
    return await service.create(tenant_id, install_id, endpoint="POST /notes", cron="0 * * * *", **fields)


async def add_runs(platform: Platform, schedule: ScheduleInfo, dues: list[datetime], *, tenant_id: str = TENANT) -> None:
    async with platform.db.transaction() as session:
        for due in dues:
            values = {"schedule_id": schedule.id, "install_id": platform.installed.install_id, "tenant_id": tenant_id, "cause": "schedule"}
            session.add(ScheduleRun(id=new_id(), due_at=due, status="success", created_at=due, finished_at=due, **values))


async def refused(work: Awaitable[object]) -> str:
    with pytest.raises(ScheduleError) as raised:
        await work
    return raised.value.code


async def test_a_disabled_schedule_runs_by_hand(platform: Platform, service: ScheduleService) -> None:
    install_id = platform.installed.install_id
    schedule = await add(service, install_id, enabled=False)
    run = await service.run_now(TENANT, install_id, schedule.id)
    assert (run.schedule_id, run.cause, run.status, run.due_at) == (schedule.id, "manual", "due", NOON)
    assert await service.get_run(TENANT, install_id, run.id) == run
    # It stays disabled.
    assert (await service.get_schedule(TENANT, install_id, schedule.id)).enabled is False


async def test_a_tenant_runs_five_schedules_a_minute_by_hand(platform: Platform, service: ScheduleService, clock: Clock) -> None:
    install_id = platform.installed.install_id
    one, two = await add(service, install_id), await add(service, install_id)
    for number in range(MAX_RUNS_NOW):
        await service.run_now(TENANT, install_id, (one if number % 2 else two).id)
        clock.now += timedelta(seconds=1)
    assert await refused(service.run_now(TENANT, install_id, one.id)) == "schedule_run_rate"
    # Another tenant is not concerned.
    theirs = await platform.install("theirs.tar.zst", tenant_id=OTHER_TENANT)
    other = await add(service, theirs.install_id, tenant_id=OTHER_TENANT)
    assert (await service.run_now(OTHER_TENANT, theirs.install_id, other.id)).status == "due"
    clock.now = NOON + MINUTE
    await service.run_now(TENANT, install_id, one.id)
    assert await refused(service.run_now(TENANT, install_id, one.id)) == "schedule_run_rate"


async def test_pages_of_the_history_have_each_run_once_also_when_others_are_added_and_schedules_deleted(
    platform: Platform, service: ScheduleService
) -> None:
    install_id = platform.installed.install_id
    one, two = await add(service, install_id), await add(service, install_id)
    # Two schedules that are due at the same times: the pages end between equal times.
    times = [NOON + hours * timedelta(hours=1) for hours in range(5)]
    await add_runs(platform, one, times)
    await add_runs(platform, two, times)
    await service.delete(TENANT, install_id, two.id)
    page = await service.history(TENANT, install_id, limit=3)
    seen = list(page.runs)
    while page.next_cursor is not None:
        # What comes meanwhile is newer than what is still to be read.
        await add_runs(platform, one, [NOON + timedelta(days=len(seen))])
        page = await service.history(TENANT, install_id, limit=3, cursor=page.next_cursor)
        seen += page.runs
    assert [run.due_at for run in seen] == sorted([*times, *times], reverse=True)
    assert len({run.id for run in seen}) == 10
    of_deleted = await service.history(TENANT, install_id, two.id)
    assert [run.due_at for run in of_deleted.runs] == times[::-1]
    assert {run.schedule_id for run in of_deleted.runs} == {two.id}
    for cursor in ("nonsense", "bnVsbA", "WyIyMDI2IiwxXQ", "ä"):
        with pytest.raises(ValueError, match="not a cursor"):
            await service.history(TENANT, install_id, cursor=cursor)


async def test_another_tenant_finds_no_schedule_and_no_run(platform: Platform, service: ScheduleService) -> None:
    install_id = platform.installed.install_id
    schedule = await add(service, install_id)
    run = await service.run_now(TENANT, install_id, schedule.id)
    theirs = (await platform.install("theirs.tar.zst", tenant_id=OTHER_TENANT)).install_id
    # With the install of the other tenant, and with one of their own.
    for own, code in ((install_id, "schedule_install_not_found"), (theirs, "schedule_not_found")):
        assert await refused(service.get_schedule(OTHER_TENANT, own, schedule.id)) == code
        assert await refused(service.update(OTHER_TENANT, own, schedule.id, enabled=False)) == code
        assert await refused(service.delete(OTHER_TENANT, own, schedule.id)) == code
        assert await refused(service.run_now(OTHER_TENANT, own, schedule.id)) == code
        assert await refused(service.get_run(OTHER_TENANT, own, run.id)) == "schedule_not_found"
    assert await refused(service.history(OTHER_TENANT, install_id)) == "schedule_install_not_found"
    assert (await service.history(OTHER_TENANT, theirs)).runs == []
    assert (await service.history(OTHER_TENANT, theirs, schedule.id)).runs == []
    assert await service.get_run(TENANT, install_id, run.id) == run
