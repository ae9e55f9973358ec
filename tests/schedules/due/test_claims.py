"""Due times become runs, each once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update

from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.models.installs import TenantExtensionSchedule
from holdfast.schedules.due.claims import claim_due
from holdfast.schedules.due.cursors import refresh_cursors, remove_orphans
from holdfast.schedules.tables import RUN_IS_OPEN, ScheduleCursor, ScheduleRun
from tests.records.databases import OTHER_TENANT, TENANT, migrated, on_sqlite

NINE = datetime(2026, 6, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def db(tmp_path: Path, database_url: str) -> AsyncIterator[Database]:
    async with migrated(tmp_path, url=database_url) as opened:
        yield opened


async def add(db: Database, cron: str = "0 * * * *", **values: Any) -> str:
    schedule_id = new_id()
    fields = {"install_id": new_id(), "tenant_id": TENANT, "endpoint_id": new_id(), "created_at": NINE, "updated_at": NINE}
    async with db.transaction() as session:
        session.add(TenantExtensionSchedule(id=schedule_id, cron=cron, **fields | values))
    return schedule_id


async def change(db: Database, schedule_id: str, **values: Any) -> None:
    async with db.transaction() as session:
        await session.execute(update(TenantExtensionSchedule).where(TenantExtensionSchedule.id == schedule_id).values(values))


async def claim(db: Database, now: datetime, *, limit: int = 100, catch_up: timedelta = HOUR) -> list[str]:
    return await claim_due(db, now, limit=limit, catch_up=catch_up)


async def runs(db: Database) -> list[tuple[datetime, str]]:
    async with db.session() as session:
        rows = (await session.scalars(select(ScheduleRun).order_by(ScheduleRun.due_at, ScheduleRun.schedule_id))).all()
        return [(row.due_at, row.status) for row in rows]


async def next_due_of(db: Database, schedule_id: str) -> datetime | None:
    async with db.session() as session:
        return await session.scalar(select(ScheduleCursor.next_due_at).where(ScheduleCursor.schedule_id == schedule_id))


async def test_a_new_schedule_is_due_at_its_next_time_and_only_once(db: Database) -> None:
    schedule_id = await add(db)
    assert await refresh_cursors(db, NINE + MINUTE) == 1
    assert await refresh_cursors(db, NINE + MINUTE) == 0
    assert await next_due_of(db, schedule_id) == NINE + HOUR
    assert await claim(db, NINE + HOUR - MINUTE) == []
    assert len(await claim(db, NINE + HOUR)) == 1
    assert await claim(db, NINE + HOUR) == []
    assert await runs(db) == [(NINE + HOUR, "due")]
    assert await next_due_of(db, schedule_id) == NINE + 2 * HOUR


async def test_any_number_of_schedulers_claim_each_due_time_once(db: Database, database_url: str) -> None:
    for _ in range(30):
        await add(db)
    others = [db, *(Database(database_url) for _ in range(3))] if not db.is_sqlite else [db] * 4
    await asyncio.gather(*(refresh_cursors(one, NINE) for one in others))
    while await refresh_cursors(db, NINE):
        pass
    claimed: list[str] = []
    for _ in range(20):
        for ids in await asyncio.gather(*(claim(one, NINE + HOUR, limit=7) for one in others)):
            claimed += ids
    assert len(claimed) == len(set(claimed)) == 30
    assert await runs(db) == [(NINE + HOUR, "due")] * 30
    for one in others[1:]:
        if one is not db:
            await one.close()


async def test_after_a_pause_the_newest_due_time_is_made_up_for_and_the_others_are_recorded_as_missed(db: Database) -> None:
    await add(db, cron="*/15 * * * *")
    await refresh_cursors(db, NINE)
    assert len(await claim(db, NINE + HOUR + MINUTE)) == 1
    quarter = timedelta(minutes=15)
    expected = [(NINE + quarter, "missed"), (NINE + 2 * quarter, "missed"), (NINE + 3 * quarter, "missed"), (NINE + 4 * quarter, "due")]
    assert await runs(db) == expected


async def test_a_due_time_that_is_too_old_is_missed_too(db: Database) -> None:
    schedule_id = await add(db, cron="0 10 * * *")
    await refresh_cursors(db, NINE)
    assert await claim(db, NINE + 4 * HOUR) == []
    assert await runs(db) == [(NINE + HOUR, "missed")]
    assert await next_due_of(db, schedule_id) == NINE + HOUR + timedelta(days=1)


async def test_a_change_by_anyone_counts_and_what_would_have_been_due_before_it_is_not(db: Database) -> None:
    schedule_id = await add(db, enabled=False)
    await refresh_cursors(db, NINE)
    assert await next_due_of(db, schedule_id) is None
    await change(db, schedule_id, enabled=True)
    await refresh_cursors(db, NINE + 5 * HOUR + MINUTE)
    assert await next_due_of(db, schedule_id) == NINE + 6 * HOUR
    await change(db, schedule_id, cron="30 * * * *", timezone="Asia/Kolkata")
    await refresh_cursors(db, NINE + 5 * HOUR + MINUTE)
    # India is five and a half hours ahead.
    assert await next_due_of(db, schedule_id) == NINE + 6 * HOUR
    # The rules hold for rows that others wrote, too.
    for cron, reason in (
        ("not a cron", "Invalid cron expression (expected 5 fields: m h dom mon dow)"),
        ("* * * * *", "Cron too frequent"),
    ):
        await change(db, schedule_id, cron=cron)
        await refresh_cursors(db, NINE)
        assert await next_due_of(db, schedule_id) is None
        async with db.session() as session:
            assert f"The schedule is never due. {reason}" in str((await session.get_one(TenantExtensionSchedule, schedule_id)).last_error)
    assert await runs(db) == []


async def test_a_schedule_that_was_disabled_a_moment_ago_is_not_claimed(db: Database) -> None:
    schedule_id = await add(db)
    await refresh_cursors(db, NINE)
    await change(db, schedule_id, enabled=False)
    assert await claim(db, NINE + HOUR) == []
    assert await runs(db) == []


async def test_a_deleted_schedule_leaves_no_cursor(db: Database) -> None:
    schedule_id, kept = await add(db), await add(db)
    await refresh_cursors(db, NINE)
    async with db.transaction() as session:
        await session.execute(delete(TenantExtensionSchedule).where(TenantExtensionSchedule.id == schedule_id))
    assert len(await claim(db, NINE + HOUR)) == 1
    await remove_orphans(db)
    assert await next_due_of(db, schedule_id) is None and await next_due_of(db, kept) is not None


async def test_a_due_time_that_is_looked_at_twice_is_recorded_once(db: Database) -> None:
    schedule_id = await add(db)
    await refresh_cursors(db, NINE)
    assert len(await claim(db, NINE + HOUR)) == 1
    async with db.transaction() as session:
        await session.execute(update(ScheduleCursor).where(ScheduleCursor.schedule_id == schedule_id).values(next_due_at=NINE + HOUR))
    assert await claim(db, NINE + HOUR) == []
    assert await runs(db) == [(NINE + HOUR, "due")]


async def test_a_tenant_with_many_schedules_does_not_delay_another(db: Database) -> None:
    for _ in range(40):
        await add(db, cron="0 9 * * *")
    late = await add(db, cron="30 9 * * *", tenant_id=OTHER_TENANT)
    await refresh_cursors(db, NINE - MINUTE)
    # Their turn comes with the first of the many, though they were due half an hour later.
    assert len(await claim(db, NINE + HOUR, limit=4)) == 4
    async with db.session() as session:
        claimed = [row.tenant_id for row in (await session.scalars(select(ScheduleRun))).all()]
    assert sorted(claimed) == sorted([TENANT] * 3 + [OTHER_TENANT])
    # The four are open: a tenant that has three of them waits behind one that has none or one.
    await change(db, late, cron="45 9 * * *")
    await refresh_cursors(db, NINE + MINUTE)
    assert len(await claim(db, NINE + HOUR, limit=1)) == 1
    async with db.session() as session:
        newest = [row.due_at for row in (await session.scalars(select(ScheduleRun).where(ScheduleRun.tenant_id == OTHER_TENANT))).all()]
    assert sorted(newest) == [NINE + timedelta(minutes=30), NINE + timedelta(minutes=45)]


async def test_a_year_of_due_times_with_clock_changes_is_claimed_as_a_calendar_has_it(db: Database) -> None:
    """Half past two on Sundays in Berlin, where the clocks change on two Sundays: 29 March and 25 October 2026."""
    await add(db, cron="30 2 * * 0", timezone="Europe/Berlin")
    sundays = [datetime(2026, 1, 4, tzinfo=UTC) + timedelta(weeks=week) for week in range(52)]
    await refresh_cursors(db, sundays[0])
    for sunday in sundays:
        assert len(await claim(db, sunday + timedelta(hours=12), catch_up=timedelta(days=1))) == 1
    in_spring, in_autumn = date(2026, 3, 29), date(2026, 10, 25)
    expected = [sunday + timedelta(minutes=90) for sunday in sundays if sunday.date() < in_spring or sunday.date() > in_autumn]
    expected += [sunday + timedelta(minutes=30) for sunday in sundays if in_spring < sunday.date() <= in_autumn]
    # Half past two does not come: the clock goes from two to three, which is one in UTC.
    expected.append(datetime(2026, 3, 29, 1, tzinfo=UTC))
    assert await runs(db) == [(due, "due") for due in sorted(expected)]


@on_sqlite
async def test_a_look_for_what_is_open_does_not_read_the_history(db: Database) -> None:
    plan = text("EXPLAIN QUERY PLAN SELECT id FROM extension_schedule_run WHERE " + RUN_IS_OPEN.text + " AND status = :status")
    async with db.session() as session:
        details = " ".join(str(row) for row in await session.execute(plan, {"status": "due"}))
    assert "extension_schedule_run_open_idx" in details
