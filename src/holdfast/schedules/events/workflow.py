"""The workflow of one delivery: one attempt to call the endpoint, and its recorded end, through kills of this process.

    attempt ──▶ end: delivered, dead, dropped, or waiting for a later turn

Both are steps: their results are recorded, and not computed again after a kill. An attempt that was under way is repeated; the gateway
knows it by its number and does not execute it twice. The pause before the next attempt is in the event's row, not in a workflow: a
workflow that sleeps would be one for each event that waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from dbos import DBOS, DBOSConfiguredInstance
from sqlalchemy import select

from holdfast.contract.background_call import BackgroundResult
from holdfast.records.database.database import Database
from holdfast.records.database.errors import DatabaseError
from holdfast.registry.models.events import ExtensionEvent
from holdfast.schedules.engine.durable import MAX_RECOVERIES
from holdfast.schedules.events.rows import UNREACHABLE, Delivered, delivered, end_delivery, read_event_call
from holdfast.schedules.runs.gateway_client import GatewayClient, GatewayUnavailable

_DATABASE_ATTEMPTS = 200

_log = structlog.get_logger(__name__)


def _is_of_database(error: BaseException) -> bool:
    return isinstance(error, DatabaseError)


@DBOS.dbos_class("EventDeliveries")
class EventDeliveries(DBOSConfiguredInstance):
    """Delivers events. One in a process, because the durable engine finds it by its name."""

    def __init__(
        self,
        db: Database,
        gateway: GatewayClient,
        *,
        at_once: int,
        max_attempts: int,
        first_pause: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        """`at_once` bounds the calls of this process that run at the same time. After `max_attempts` failures an event is a dead letter;
        `first_pause` is the pause after the first failure.
        """
        super().__init__("event-deliveries")
        self._first_pause = first_pause
        self._db = db
        self._gateway = gateway
        self._slots = asyncio.Semaphore(at_once)
        self._max_attempts = max_attempts
        self._now = now
        self.open = 0
        """How many workflows of this process have not ended."""

    @DBOS.workflow(name="event_delivery", max_recovery_attempts=MAX_RECOVERIES)
    async def run(self, workflow_id: str) -> None:
        """One delivery: `workflow_id` names the event and the turn."""
        self.open += 1
        try:
            event_id, _, turn = workflow_id.partition(".")
            end = await self._attempt(event_id, int(turn))
            if end is not None:
                await self._end(event_id, int(turn), end)
        finally:
            self.open -= 1

    @DBOS.step(retries_allowed=True, max_attempts=_DATABASE_ATTEMPTS, interval_seconds=0.5, backoff_rate=1.1, should_retry=_is_of_database)
    async def _attempt(self, event_id: str, turn: int) -> dict[str, Any] | None:
        async with self._slots:
            call = await read_event_call(self._db, event_id, turn)
            if call is None:
                return None
            if isinstance(call, Delivered):
                return _fields(call)
            try:
                result = await self._gateway.call(event_id, call)
            except GatewayUnavailable as error:
                result = BackgroundResult(status="error", code=UNREACHABLE, error=f"No gateway was reachable: {error}.")
                _log.warning("event not sent", event_id=event_id, topic=call.headers["x-ext-event-topic"], reason=str(error))
        return _fields(delivered(result, await self._failures(event_id), self._max_attempts, self._first_pause))

    async def _failures(self, event_id: str) -> int:
        async with self._db.session() as session:
            return await session.scalar(select(ExtensionEvent.failures).where(ExtensionEvent.id == event_id)) or 0

    @DBOS.step(retries_allowed=True, max_attempts=_DATABASE_ATTEMPTS, interval_seconds=0.5, backoff_rate=1.1, should_retry=_is_of_database)
    async def _end(self, event_id: str, turn: int, end: dict[str, Any]) -> None:
        fields = {**end, "later": timedelta(seconds=end["later"])}
        if await end_delivery(self._db, event_id, turn, Delivered(**fields), self._now()):
            log = _log.info if end["status"] == "delivered" else _log.warning
            log("event delivery ended", event_id=event_id, status=end["status"], error=end["error"])


def _fields(end: Delivered) -> dict[str, Any]:
    return {
        "status": end.status,
        "counts": end.counts,
        "later": end.later.total_seconds(),
        "error": end.error,
        "http_status": end.http_status,
    }
