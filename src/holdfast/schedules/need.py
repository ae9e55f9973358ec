"""Whether a scheduler has anything to do."""

from __future__ import annotations

from sqlalchemy import select

from holdfast.records.database.database import Database
from holdfast.registry.installs.lookup import IS_ENABLED
from holdfast.registry.models.events import ExtensionEvent
from holdfast.registry.models.installs import TenantExtensionInstall, TenantExtensionSchedule
from holdfast.schedules.tables import ScheduleRun


async def is_scheduler_needed(db: Database) -> bool:
    """Whether a schedule is enabled, or a run has not ended, or an event waits that can be delivered. Raises DatabaseError."""
    async with db.session() as session:
        enabled = await session.scalar(select(TenantExtensionSchedule.id).where(TenantExtensionSchedule.enabled).limit(1))
        return (
            enabled is not None
            or await session.scalar(select(ScheduleRun.id).where(ScheduleRun.status.in_(("due", "running"))).limit(1)) is not None
            or await session.scalar(_open_event) is not None
        )


_open_event = (
    select(ExtensionEvent.seq)
    .join(TenantExtensionInstall, TenantExtensionInstall.id == ExtensionEvent.install_id)
    .where(ExtensionEvent.status.in_(("waiting", "delivering")), IS_ENABLED)
    .limit(1)
)
