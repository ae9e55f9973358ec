"""What people do with events: list and show them, retry dead letters, drop what is not to be delivered. All within one tenant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.contract.extension_events import EventDetails, EventInfo, EventPage
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import as_uuid
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.installs.lookup import require_install
from holdfast.registry.models.events import EVENT_STATUSES, ExtensionEvent, ExtensionEventLoss
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionRegistry, TenantExtensionInstall
from holdfast.schedules.errors import EventError

LIMIT_DEFAULT, LIMIT_MAX = 25, 200
RETRYABLE, DROPPABLE = ("dead", "dropped"), ("waiting", "dead")
_MAX_SEQ = 2**63 - 1

_Row = tuple[ExtensionEvent, ExtensionRegistry]


async def list_events(
    db: Database,
    tenant_id: str,
    extension: str | None = None,
    *,
    status: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> EventPage:
    """Events of an install, or (None) of all installs of a tenant, the newest first; 25 if no limit is given, 200 at most.

    Raises EventError (`event_query_invalid`), ExtensionNotInstalled, RegistryError (`ambiguous_extension`).
    """
    size = LIMIT_DEFAULT if limit is None else min(max(limit, 1), LIMIT_MAX)
    before = _cursor(cursor)
    if status is not None and status not in EVENT_STATUSES:
        raise EventError("event_query_invalid", f"There is no status {status!r}.", hint=f"Use one of {', '.join(EVENT_STATUSES)}.")
    async with db.session() as session:
        query = _events(tenant_id)
        lost = select(func.coalesce(func.sum(ExtensionEventLoss.lost), 0)).where(ExtensionEventLoss.tenant_id == tenant_id)
        if extension is not None:
            install, _registry, _version = await require_install(session, tenant_id, extension)
            query = query.where(ExtensionEvent.install_id == install.id)
            lost = lost.where(ExtensionEventLoss.install_id == install.id)
        if status is not None:
            query = query.where(ExtensionEvent.status == status)
        if before is not None:
            query = query.where(ExtensionEvent.seq < before)
        rows = (await session.execute(query.order_by(ExtensionEvent.seq.desc()).limit(size + 1))).all()
        return EventPage(
            events=[_info(row[0], row[1]) for row in rows[:size]],
            lost=int(await session.scalar(lost) or 0),
            next_cursor=str(rows[size - 1][0].seq) if len(rows) > size else None,
        )


async def read_event(db: Database, tenant_id: str, event_id: str) -> EventDetails:
    """One event with its data. Raises EventError (`event_not_found`)."""
    async with db.session() as session:
        event, registry = await _require(session, tenant_id, event_id)
        return EventDetails(event=_info(event, registry), data=event.data)


async def retry_event(db: Database, *, actor: Actor, event_id: str, now: Callable[[], datetime] = utc_now) -> EventInfo:
    """Lets a dead letter, or an event that was dropped, be delivered again, out of order, with all attempts. Writes an audit row.

    Raises EventError (`event_not_found`, `event_not_retryable`).
    """
    values = {"status": "waiting", "out_of_order": True, "failures": 0, "available_at": now(), "finished_at": None}
    info = await _change(db, actor, event_id, RETRYABLE, values, "event.retried", now())
    if info is None:
        text = "Only dead letters and dropped events can be retried."
        raise EventError("event_not_retryable", text, hint="An event that waits is delivered by itself.")
    return info


async def drop_event(db: Database, *, actor: Actor, event_id: str, now: Callable[[], datetime] = utc_now) -> EventInfo:
    """Gives an event up that waits or is a dead letter: later events of its subject are delivered. Writes an audit row.

    Raises EventError (`event_not_found`, `event_not_droppable`).
    """
    values = {"status": "dropped", "finished_at": now(), "error": "Dropped by an administrator."}
    info = await _change(db, actor, event_id, DROPPABLE, values, "event.dropped", now())
    if info is None:
        text = "Only events that wait and dead letters can be dropped."
        raise EventError("event_not_droppable", text, hint="An event that is being delivered can be dropped when the attempt has failed.")
    return info


async def _change(
    db: Database, actor: Actor, event_id: str, allowed: Sequence[str], values: dict[str, Any], action: str, now: datetime
) -> EventInfo | None:
    async with db.transaction() as session:
        event, registry = await _require(session, actor.tenant_id, event_id)
        # A scheduler may claim it at this moment: the condition decides.
        change = update(ExtensionEvent).where(ExtensionEvent.seq == event.seq, ExtensionEvent.status.in_(allowed)).values(values)
        if (await session.scalars(change.returning(ExtensionEvent.seq))).first() is None:
            return None
        name = slug(registry.publisher, registry.name)
        record_audit(session, actor, action, resource_id=registry.id, resource_name=name, now=now, event_id=event.id, topic=event.topic)
        await session.refresh(event)
        return _info(event, registry)


async def _require(session: AsyncSession, tenant_id: str, event_id: str) -> _Row:
    known = as_uuid(event_id)
    row = None if known is None else (await session.execute(_events(tenant_id).where(ExtensionEvent.id == known))).first()
    if row is None:
        raise EventError("event_not_found", "There is no such event.", hint="`holdfast events list` has the ids of events.")
    return row[0], row[1]


def _events(tenant_id: str) -> Select[ExtensionEvent, ExtensionRegistry]:
    return (
        select(ExtensionEvent, ExtensionRegistry)
        .join(TenantExtensionInstall, TenantExtensionInstall.id == ExtensionEvent.install_id)
        .join(ExtensionRegistry, ExtensionRegistry.id == TenantExtensionInstall.registry_id)
        .where(ExtensionEvent.tenant_id == tenant_id, TenantExtensionInstall.tenant_id == tenant_id)
    )


def _cursor(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or int(text) > _MAX_SEQ:
        raise EventError("event_query_invalid", "This is not a cursor of the list of events.", hint="Use `nextCursor` of the page before.")
    return int(text)


def _info(event: ExtensionEvent, registry: ExtensionRegistry) -> EventInfo:
    return EventInfo(
        id=event.id,
        topic=event.topic,
        subject=event.subject,
        extension=slug(registry.publisher, registry.name),
        install_id=event.install_id,
        status=event.status,
        occurred_at=event.occurred_at,
        available_at=event.available_at,
        finished_at=event.finished_at,
        attempts=event.attempts,
        out_of_order=event.out_of_order,
        http_status=event.http_status,
        error=event.error,
    )
