"""Whether a scheduler has anything to do, and whether one is there to do it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from holdfast.records.database.database import Database
from holdfast.registry.installs.lookup import IS_ENABLED
from holdfast.registry.models.events import ExtensionEvent
from holdfast.registry.models.installs import TenantExtensionInstall, TenantExtensionSchedule
from holdfast.schedules.events.claims import IS_OPEN
from holdfast.schedules.tables import RUN_IS_OPEN, SchedulerProcess, ScheduleRun

START = timedelta(seconds=30)
"""Time that a platform has to start its scheduler after the first schedule was enabled."""


async def is_scheduler_needed(db: Database) -> bool:
    """Whether a schedule is enabled, or a run has not ended, or an event waits that can be delivered. Raises DatabaseError."""
    async with db.session() as session:
        enabled = await session.scalar(select(TenantExtensionSchedule.id).where(TenantExtensionSchedule.enabled).limit(1))
        return (
            enabled is not None
            or await session.scalar(select(ScheduleRun.id).where(RUN_IS_OPEN).limit(1)) is not None
            or await session.scalar(_open_event.limit(1)) is not None
        )


_open_event = (
    select(ExtensionEvent.seq)
    .join(TenantExtensionInstall, TenantExtensionInstall.id == ExtensionEvent.install_id)
    .where(IS_OPEN, IS_ENABLED)
)


async def is_scheduler_missing(db: Database, now: datetime, lease: timedelta) -> bool:
    """Whether no scheduler has given a sign of life within `lease`, though a schedule is enabled or an event waits. Raises DatabaseError.

    A schedule that was changed within the last START does not count, and neither does an event that waits for less.
    """
    if await is_scheduler_alive(db, now, lease):
        return False
    enabled = TenantExtensionSchedule.enabled, TenantExtensionSchedule.updated_at <= now - START
    async with db.session() as session:
        return (
            await session.scalar(select(TenantExtensionSchedule.id).where(*enabled).limit(1)) is not None
            or await session.scalar(_open_event.where(ExtensionEvent.available_at <= now - START).limit(1)) is not None
        )


async def is_scheduler_alive(db: Database, now: datetime, lease: timedelta) -> bool:
    """Whether a scheduler has given a sign of life within `lease`. Raises DatabaseError."""
    alive = SchedulerProcess.seen_at > now - lease, SchedulerProcess.stopped_at.is_(None), SchedulerProcess.adopted_by.is_(None)
    async with db.session() as session:
        return await session.scalar(select(SchedulerProcess.executor_id).where(*alive).limit(1)) is not None
