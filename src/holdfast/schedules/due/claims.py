"""Turns due times into runs, each once.

    cursor due ──lock (SKIP LOCKED, or SQLite's one writer)──▶ the newest due time within the catch-up time ──▶ a run that is `due`
                                                               all others that have passed               ──▶ runs that are `missed`
                                                               cursor moves to the next due time
    all of it in one transaction: a scheduler that is killed before it commits has claimed nothing

A due time that is claimed twice, because someone moved a cursor back, is recorded once: the row of a run is unique.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.models.installs import TenantExtensionSchedule
from holdfast.schedules.rules.due_times import due_times, next_due
from holdfast.schedules.tables import RUN_IS_OPEN, ScheduleCursor, ScheduleRun

MAX_MISSED = 10_000
"""So many missed due times of a schedule are recorded one by one: more than a month of the most frequent schedule."""
_ROWS_PER_INSERT = 500


async def claim_due(db: Database, now: datetime, *, limit: int, catch_up: timedelta) -> list[str]:
    """Claims the schedules that are due at `now`, `limit` at most. Returns the ids of the runs to start.

    Tenants take turns, the longest due first in each: one with thousands of schedules does not delay the others.

    Of the due times of a schedule that have passed, the newest runs if it is not older than `catch_up`; the others are recorded as missed.
    """
    if limit <= 0 or not await _is_any_due(db, now):
        return []
    async with db.transaction() as session:
        rows = (await session.execute(_due(now, limit).with_for_update(skip_locked=True, of=ScheduleCursor))).all()
        started: list[str] = []
        for cursor, schedule in rows:
            started += await _claim(session, cursor, schedule, now, catch_up)
        return started


async def _is_any_due(db: Database, now: datetime) -> bool:
    async with db.session() as session:
        due = select(ScheduleCursor.schedule_id).where(ScheduleCursor.next_due_at <= now)
        return await session.scalar(due.limit(1)) is not None


def _due(now: datetime, limit: int) -> Select[ScheduleCursor, TenantExtensionSchedule]:
    """The schedules that are due: of each tenant the longest due first, and first the tenants with the fewest open runs."""
    open_runs = select(ScheduleRun.tenant_id, func.count().label("number")).where(RUN_IS_OPEN).group_by(ScheduleRun.tenant_id).subquery()
    tenant = TenantExtensionSchedule.tenant_id
    place = func.row_number().over(partition_by=tenant, order_by=(ScheduleCursor.next_due_at, ScheduleCursor.schedule_id))
    turns = (
        select(
            ScheduleCursor.schedule_id,
            ScheduleCursor.next_due_at.label("due_at"),
            (place + func.coalesce(open_runs.c.number, 0)).label("turn"),
        )
        .join(TenantExtensionSchedule, TenantExtensionSchedule.id == ScheduleCursor.schedule_id)
        .outerjoin(open_runs, open_runs.c.tenant_id == tenant)
        .where(ScheduleCursor.next_due_at <= now)
        .subquery()
    )
    first = select(turns.c.schedule_id).order_by(turns.c.turn, turns.c.due_at, turns.c.schedule_id).limit(limit)
    return (
        select(ScheduleCursor, TenantExtensionSchedule)
        .join(TenantExtensionSchedule, TenantExtensionSchedule.id == ScheduleCursor.schedule_id)
        # Again, because another scheduler may have moved the cursor while this one waited for its lock.
        .where(ScheduleCursor.schedule_id.in_(first), ScheduleCursor.next_due_at <= now)
    )


async def _claim(
    session: AsyncSession, cursor: ScheduleCursor, schedule: TenantExtensionSchedule, now: datetime, catch_up: timedelta
) -> list[str]:
    assert cursor.next_due_at is not None
    if not schedule.enabled:
        # The next comparison of the cursors will see it.
        cursor.next_due_at = None
        return []
    passed = _passed(cursor, now)
    runs = [_run(schedule, due, now, missed=due != passed[-1] or now - due > catch_up) for due in passed]
    inserted = await _insert(session, runs)
    cursor.next_due_at = next_due(cursor.cron, cursor.timezone, now)
    return [run["id"] for run in runs if run["status"] == "due" and run["id"] in inserted]


def _passed(cursor: ScheduleCursor, now: datetime) -> list[datetime]:
    """The due times from the cursor to `now`, of too many the newest."""
    first = cursor.next_due_at
    assert first is not None
    kept: list[datetime] = [first]
    for due in takewhile(lambda due: due <= now, due_times(cursor.cron, cursor.timezone, first)):
        kept.append(due)
        if len(kept) > 2 * MAX_MISSED:
            kept = kept[-MAX_MISSED:]
    return kept[-MAX_MISSED:]


def _run(schedule: TenantExtensionSchedule, due: datetime, now: datetime, *, missed: bool) -> dict[str, Any]:
    return {
        "id": new_id(),
        "schedule_id": schedule.id,
        "install_id": schedule.install_id,
        "tenant_id": schedule.tenant_id,
        "cause": "schedule",
        "due_at": due,
        "status": "missed" if missed else "due",
        "error": "No scheduler was running at this time." if missed else None,
        "created_at": now,
        "finished_at": now if missed else None,
    }


async def _insert(session: AsyncSession, runs: list[dict[str, Any]]) -> set[str]:
    """Inserts the rows whose due time is not recorded yet; returns their ids."""
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    inserted: set[str] = set()
    for rows in _batches(runs):
        statement = make(ScheduleRun).values(rows).on_conflict_do_nothing(index_elements=["schedule_id", "cause", "due_at"])
        inserted |= set(await session.scalars(statement.returning(ScheduleRun.id)))
    return inserted


def _batches(runs: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    return (runs[at : at + _ROWS_PER_INSERT] for at in range(0, len(runs), _ROWS_PER_INSERT))
