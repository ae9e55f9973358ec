"""The schedulers of one database: who is alive, and who continues what a dead one ran.

    registered ──renews seen_at, five times a lease──▶ alive
         │ stops cleanly: stopped_at                      │ killed, or cut off for a lease
         ▼                                                ▼
    adopted by another at its next look ◀──one UPDATE decides who──┘

An adopter that dies leaves what it adopted, too: it may have been killed before it continued anything. Who adopts it adopts those, too.

The rule: of the schedulers that are alive, the first whose UPDATE finds the row without an adopter continues the runs. A scheduler that was
only slow finds its row adopted, and takes a new id: it never runs on under an id that another one has adopted.
"""

from __future__ import annotations

import socket
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update

from holdfast.records.database.database import Database
from holdfast.schedules.tables import SchedulerProcess

RENEWALS_PER_LEASE = 5
KEPT = timedelta(days=7)


async def register(db: Database, executor_id: str, now: datetime) -> None:
    """Adds the row of a scheduler."""
    async with db.transaction() as session:
        session.add(SchedulerProcess(executor_id=executor_id, host=socket.gethostname()[:255], started_at=now, seen_at=now))


async def renew(db: Database, executor_id: str, now: datetime) -> bool:
    """Says that the scheduler is alive; False when another one has adopted its runs meanwhile."""
    statement = (
        update(SchedulerProcess)
        .where(SchedulerProcess.executor_id == executor_id, SchedulerProcess.adopted_by.is_(None))
        .values(seen_at=now)
        .returning(SchedulerProcess.executor_id)
    )
    async with db.transaction() as session:
        return (await session.scalars(statement)).first() is not None


async def stop(db: Database, executor_id: str, now: datetime) -> None:
    """Says that the scheduler has stopped: others need not wait for its lease."""
    async with db.transaction() as session:
        await session.execute(update(SchedulerProcess).where(SchedulerProcess.executor_id == executor_id).values(stopped_at=now))


async def claim_dead(db: Database, executor_id: str, now: datetime, lease: timedelta) -> list[str]:
    """The ids of the schedulers that ended and whose runs this one now continues."""
    ended = or_(SchedulerProcess.stopped_at.is_not(None), SchedulerProcess.seen_at < now - lease)
    dead = SchedulerProcess.executor_id != executor_id, SchedulerProcess.adopted_by.is_(None), ended
    async with db.session() as session:
        if (await session.scalars(select(SchedulerProcess.executor_id).where(*dead).limit(1))).first() is None:
            return []
    async with db.transaction() as session:
        claimed = await session.scalars(
            update(SchedulerProcess).where(*dead).values(adopted_by=executor_id).returning(SchedulerProcess.executor_id)
        )
        ids = newest = list(claimed)
        while newest:
            left = update(SchedulerProcess).where(SchedulerProcess.adopted_by.in_(newest)).values(adopted_by=executor_id)
            newest = list(await session.scalars(left.returning(SchedulerProcess.executor_id)))
            ids = [*ids, *newest]
        old = SchedulerProcess.adopted_by.is_not(None), SchedulerProcess.seen_at < now - KEPT
        await session.execute(delete(SchedulerProcess).where(*old))
        return ids
