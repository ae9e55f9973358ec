"""Keeps the cursor of every schedule: its next due time, computed again when the schedule is new or has changed.

Rows of `tenant_extension_schedule` come from commands, guests, manifests, and typed SQL. So nothing tells the scheduler of a change:
it compares.
"""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import Select, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.manifest.fields.cron import CronError, check_cron
from holdfast.records.database.database import Database
from holdfast.registry.models.installs import TenantExtensionSchedule
from holdfast.schedules.rules.due_times import next_due
from holdfast.schedules.tables import ScheduleCursor

BATCH = 500

_log = structlog.get_logger(__name__)


async def refresh_cursors(db: Database, now: datetime) -> int:
    """Computes the cursors of schedules that are new or have changed, 500 at most; returns how many. A new due time is after `now`.

    A schedule that was enabled again, or has another time, misses nothing: what would have been due before is not.
    """
    async with db.session() as session:
        if not (await session.scalars(_changed().limit(1))).first():
            return 0
    async with db.transaction() as session:
        changed = (await session.scalars(_changed().limit(BATCH).with_for_update(skip_locked=True, of=TenantExtensionSchedule))).all()
        for schedule in changed:
            await _refresh(session, schedule, now)
        return len(changed)


async def remove_orphans(db: Database) -> None:
    """Deletes the cursors of schedules that do not exist any more."""
    existing = select(TenantExtensionSchedule.id).where(TenantExtensionSchedule.id == ScheduleCursor.schedule_id)
    orphans = select(ScheduleCursor.schedule_id).where(~existing.exists())
    async with db.session() as session:
        if (await session.scalars(orphans.limit(1))).first() is None:
            return
    async with db.transaction() as session:
        await session.execute(delete(ScheduleCursor).where(~existing.exists()))


def _changed() -> Select[TenantExtensionSchedule]:
    cursor, schedule = ScheduleCursor, TenantExtensionSchedule
    differs = or_(
        cursor.schedule_id.is_(None),
        cursor.cron != schedule.cron,
        cursor.timezone != schedule.timezone,
        cursor.enabled != schedule.enabled,
    )
    return select(schedule).outerjoin(cursor, cursor.schedule_id == schedule.id).where(differs)


def _is_valid(schedule: TenantExtensionSchedule) -> bool:
    """Whether the row keeps the rules of schedules; other programs write rows too. Its `last_error` says so if not."""
    try:
        check_cron(schedule.cron)
    except CronError as error:
        schedule.last_error = f"The schedule is never due. {error}."
        _log.warning("schedule is not valid", schedule=schedule.id, tenant=schedule.tenant_id, reason=str(error))
        return False
    return True


async def _refresh(session: AsyncSession, schedule: TenantExtensionSchedule, now: datetime) -> None:
    cursor = await session.get(ScheduleCursor, schedule.id)
    if cursor is None:
        cursor = ScheduleCursor(schedule_id=schedule.id)
        session.add(cursor)
    cursor.cron, cursor.timezone, cursor.enabled = schedule.cron, schedule.timezone, schedule.enabled
    cursor.next_due_at = next_due(schedule.cron, schedule.timezone, now) if schedule.enabled and _is_valid(schedule) else None
    await session.flush()
