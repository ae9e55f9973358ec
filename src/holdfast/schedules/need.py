"""Whether a scheduler has anything to do."""

from __future__ import annotations

from sqlalchemy import select

from holdfast.records.database.database import Database
from holdfast.registry.models.installs import TenantExtensionSchedule
from holdfast.schedules.tables import ScheduleRun


async def is_scheduler_needed(db: Database) -> bool:
    """Whether a schedule is enabled, or a run has not ended. Raises DatabaseError."""
    async with db.session() as session:
        enabled = await session.scalar(select(TenantExtensionSchedule.id).where(TenantExtensionSchedule.enabled).limit(1))
        return (
            enabled is not None
            or await session.scalar(select(ScheduleRun.id).where(ScheduleRun.status.in_(("due", "running"))).limit(1)) is not None
        )
