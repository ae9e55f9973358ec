"""Deletes old runs and attempts, in small pieces."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, tuple_

from holdfast.records.database.database import Database
from holdfast.registry.models.call_attempts import CallAttempt
from holdfast.schedules.tables import ScheduleRun

BATCH = 1_000


async def delete_history(db: Database, before: datetime) -> int:
    """Deletes runs that ended and were due before that instant, and attempts that began before it, 1,000 of each; returns how many."""
    runs = select(ScheduleRun.id).where(ScheduleRun.due_at < before, ScheduleRun.finished_at.is_not(None)).limit(BATCH)
    attempts = (
        select(CallAttempt.call_id, CallAttempt.number)
        .where(CallAttempt.started_at < before, CallAttempt.finished_at.is_not(None))
        .limit(BATCH)
    )
    async with db.transaction() as session:
        deleted = len((await session.scalars(delete(ScheduleRun).where(ScheduleRun.id.in_(runs)).returning(ScheduleRun.id))).all())
        of_attempts = (
            delete(CallAttempt).where(tuple_(CallAttempt.call_id, CallAttempt.number).in_(attempts)).returning(CallAttempt.call_id)
        )
        return deleted + len((await session.scalars(of_attempts)).all())
