"""What a scheduler does for events: claims what can be delivered, starts what a killed one only claimed, forgets what is old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Select, delete, func, select

from holdfast.records.database.database import Database
from holdfast.registry.models.events import ExtensionEvent
from holdfast.schedules.engine.durable import DurableEngine
from holdfast.schedules.events.claims import IS_OPEN, claim_events, workflow_id
from holdfast.schedules.events.rows import Delivered, end_delivery
from holdfast.schedules.events.workflow import EventDeliveries

BATCH = 1_000
SWEEP_SECONDS = 5.0
STALE = timedelta(seconds=5)
"""An event that was claimed so long ago should have a workflow. Later events of its subject wait, so this is shorter than for schedules."""
MAX_FINISHED = 50_000
"""So many events of an install are kept when they are over, the newest ones."""

_log = structlog.get_logger(__name__)


class EventQueue:
    """The events of one database, for one scheduler."""

    def __init__(
        self, db: Database, engine: DurableEngine, deliveries: EventDeliveries, *, at_once: int, now: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._engine = engine
        self._deliveries = deliveries
        self._at_once = at_once
        self._now = now

    async def poll(self) -> None:
        """Claims events until there is nothing more to claim, or no capacity for more, and starts their deliveries.

        A tenant gets half of the calls that can run at the same time, so that one whose endpoints are slow does not hold up the others.
        """
        while True:
            free = 2 * self._at_once - self._deliveries.open
            claimed = await claim_events(self._db, self._now(), limit=min(free, 100), per_tenant=max(1, self._at_once // 2))
            for one in claimed:
                await self._engine.start_workflow(self._deliveries.run, one)
            if not claimed:
                return

    async def sweep(self) -> None:
        """Starts deliveries that were claimed and not started, and gives back those whose workflow will not end them."""
        async with self._db.session() as session:
            stale = select(ExtensionEvent.id, ExtensionEvent.turn).where(
                IS_OPEN, ExtensionEvent.status == "delivering", ExtensionEvent.claimed_at < self._now() - STALE
            )
            rows = (await session.execute(stale.order_by(ExtensionEvent.claimed_at).limit(200))).all()
        for event_id, turn in rows:
            try:
                reason = await self._engine.ended(workflow_id(event_id, turn))
            except LookupError:
                await self._engine.start_workflow(self._deliveries.run, workflow_id(event_id, turn))
                continue
            if reason is not None:
                _log.error("event delivery was abandoned", event_id=event_id, reason=reason)
                error = f"The scheduler could not complete the delivery: {reason}."
                end = Delivered(status="waiting", counts=False, later=STALE, error=error)
                await end_delivery(self._db, event_id, turn, end, self._now())

    async def forget(self, before: datetime) -> int:
        """Deletes events that occurred before that instant and are not being delivered, 1,000 at most; returns how many."""
        old = select(ExtensionEvent.seq).where(ExtensionEvent.occurred_at < before, ExtensionEvent.status != "delivering")
        return await self._delete(old.limit(BATCH))

    async def forget_excess(self) -> int:
        """Deletes what an install has beyond MAX_FINISHED events that are over, 1,000 at most; returns how many."""
        over = ExtensionEvent.status.in_(("delivered", "dead", "dropped"))
        async with self._db.session() as session:
            counts = select(ExtensionEvent.install_id).where(over).group_by(ExtensionEvent.install_id)
            install = await session.scalar(counts.having(func.count() > MAX_FINISHED).limit(1))
        if install is None:
            return 0
        of_install = select(ExtensionEvent.seq).where(over, ExtensionEvent.install_id == install)
        return await self._delete(of_install.order_by(ExtensionEvent.seq.desc()).offset(MAX_FINISHED).limit(BATCH))

    async def _delete(self, chosen: Select[int]) -> int:
        forget = delete(ExtensionEvent).where(ExtensionEvent.seq.in_(chosen)).returning(ExtensionEvent.seq)
        async with self._db.transaction() as session:
            return len((await session.scalars(forget)).all())
