"""The rows of events: what a delivery calls, and how it ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import select, update

from holdfast.contract.background_call import BackgroundCall, BackgroundResult
from holdfast.records.database.database import Database
from holdfast.registry.models.events import ExtensionEvent
from holdfast.registry.models.publishing import ExtensionEventSubscription
from holdfast.world.topics import TOPICS

BACK_OFF_FIRST, BACK_OFF_FACTOR, BACK_OFF_MAX = timedelta(seconds=10), 4, timedelta(hours=2)
NOT_SUBSCRIBED = "The installed version does not subscribe to the topic."
NOT_GRANTED = "The install is not granted the capability that the topic needs."
MAX_ERROR_CHARACTERS = 4_000

UNREACHABLE = "unreachable"
POSTPONED = {
    "install_unavailable": timedelta(seconds=30),
    "quota_exceeded": timedelta(minutes=10),
    UNREACHABLE: timedelta(seconds=5),
}
"""Results that say nothing about the event: it waits for so long, and no attempt is counted."""


class Delivered(Struct, frozen=True, kw_only=True):
    """How a delivery ended: the new status of its event; `counts` is whether the endpoint was called. `later` is a pause."""

    status: str
    counts: bool = True
    later: timedelta = timedelta()
    error: str | None = None
    http_status: int | None = None


async def read_event_call(db: Database, event_id: str, turn: int) -> BackgroundCall | Delivered | None:
    """The call of a delivery; its end if there is nothing to call; None when the event is not being delivered in this turn any more."""
    async with db.session() as session:
        event = await session.scalar(
            select(ExtensionEvent).where(ExtensionEvent.id == event_id, ExtensionEvent.turn == turn, ExtensionEvent.status == "delivering")
        )
        if event is None:
            return None
        endpoint = await session.scalar(
            select(ExtensionEventSubscription.handler).where(
                ExtensionEventSubscription.tenant_id == event.tenant_id,
                ExtensionEventSubscription.install_id == event.install_id,
                ExtensionEventSubscription.topic == event.topic,
            )
        )
    if endpoint is None or not endpoint.startswith("POST /"):
        return Delivered(status="dropped", counts=False, error=NOT_SUBSCRIBED)
    return _call(event, endpoint.removeprefix("POST "))


def event_body(event: ExtensionEvent) -> dict[str, Any]:
    """What the endpoint receives as JSON."""
    return {
        "id": event.id,
        "topic": event.topic,
        "tenant": event.tenant_id,
        "occurredAt": event.occurred_at,
        "subject": event.subject,
        "data": event.data,
    }


def _call(event: ExtensionEvent, path: str) -> BackgroundCall:
    headers = {
        "x-ext-event-id": event.id,
        "x-ext-event-topic": event.topic,
        "x-ext-event-attempt": str(event.failures + 1),
    }
    if event.out_of_order:
        headers["x-ext-event-out-of-order"] = "true"
    return BackgroundCall(
        tenant_id=event.tenant_id,
        install_id=event.install_id,
        number=event.attempts + 1,
        method="POST",
        path=path,
        trigger="event",
        headers=headers,
        body_b64=msgspec.json.encode(event_body(event)),
        requires=TOPICS.get(event.topic),
    )


def delivered(result: BackgroundResult, failures: int, max_attempts: int, first_pause: timedelta = BACK_OFF_FIRST) -> Delivered:
    """The end of a delivery whose attempt had this result; `failures` is how many attempts failed before."""
    if result.status == "success":
        return Delivered(status="delivered", http_status=result.http_status)
    error = result.error or result.code
    if result.code in POSTPONED:
        return Delivered(status="waiting", counts=False, later=POSTPONED[result.code], error=error)
    if result.code == "capability_missing":
        return Delivered(status="dropped", counts=False, error=NOT_GRANTED)
    if not result.retryable or failures + 1 >= max_attempts:
        return Delivered(status="dead", error=error, http_status=result.http_status)
    return Delivered(status="waiting", later=back_off(failures, first_pause), error=error, http_status=result.http_status)


def back_off(failures: int, first: timedelta = BACK_OFF_FIRST) -> timedelta:
    """The pause after a failed attempt, when so many failed before: the first one, then four times as long each, up to two hours."""
    factor: int = BACK_OFF_FACTOR ** min(failures, 10)
    return min(first * factor, BACK_OFF_MAX)


async def end_delivery(db: Database, event_id: str, turn: int, end: Delivered, now: datetime) -> bool:
    """Records the end of a delivery; False when the event is not being delivered in this turn any more."""
    failed = end.counts and end.status != "delivered"
    values = {
        "status": end.status,
        "error": None if end.error is None else end.error[:MAX_ERROR_CHARACTERS],
        "http_status": end.http_status,
        "available_at": now + end.later,
        "finished_at": None if end.status == "waiting" else now,
        "attempts": ExtensionEvent.attempts + (1 if end.counts else 0),
        "failures": ExtensionEvent.failures + (1 if failed else 0),
    }
    statement = (
        update(ExtensionEvent)
        .where(ExtensionEvent.id == event_id, ExtensionEvent.turn == turn, ExtensionEvent.status == "delivering")
        .values(values)
        .returning(ExtensionEvent.seq)
    )
    async with db.transaction() as session:
        return (await session.scalars(statement)).first() is not None
