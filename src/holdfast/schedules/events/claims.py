"""Which events are delivered next: of each subject the oldest, and one tenant after the other.

    waiting ──claim──▶ delivering ──▶ delivered
       ▲                    │ failed, attempts are left: later           │ failed too often, or no attempt can help
       └────────────────────┘                                            ▼
                                                                        dead ──retry──▶ waiting, out of order
    later events of a subject wait as long as an earlier one is waiting or delivering; one that is out of order neither waits nor blocks

An earlier event of a subject never opens again, so what is the oldest for one scheduler is so for all. Of two that claim it, the second
finds that it does not wait any more; the unique index of what is being delivered stands behind that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, TextClause, and_, func, or_, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from holdfast.records.database.database import Database
from holdfast.registry.installs.lookup import IS_ENABLED
from holdfast.registry.models.events import ExtensionEvent
from holdfast.registry.models.installs import TenantExtensionInstall

# As text and not as parameters: a database uses the partial indexes of these conditions only when it sees that they are met.
_WAITING = text("extension_event.status = 'waiting'")
IS_OPEN = text("extension_event.status IN ('waiting', 'delivering')")
_EARLIER_IS_OPEN = text("earlier.status IN ('waiting', 'delivering')")


def workflow_id(event_id: str, turn: int) -> str:
    """The id of the workflow of one delivery."""
    return f"{event_id}.{turn}"


async def claim_events(db: Database, now: datetime, *, limit: int, per_tenant: int) -> list[str]:
    """Claims the next events, `limit` at most; returns the ids of the workflows to start.

    At most `per_tenant` events of a tenant are delivered at a time. Events of a disabled install stay where they are until it is
    enabled. Raises DatabaseError.
    """
    if limit <= 0:
        return []
    async with db.session() as session:
        if await session.scalar(select(ExtensionEvent.seq).where(*_available(now)).limit(1)) is None:
            return []
        candidates = [(row[0], row[1]) for row in await session.execute(_candidates(now).limit(limit + per_tenant))]
        if not candidates:
            return []
        # All that are being delivered, few at any time: by tenant, a database would read the history of the tenant.
        busy = Counter(await session.scalars(select(ExtensionEvent.tenant_id).where(IS_OPEN, ExtensionEvent.status == "delivering")))
    chosen: list[str] = []
    for event_id, tenant in candidates:
        if busy[tenant] < per_tenant and len(chosen) < limit:
            busy[tenant] += 1
            chosen.append(event_id)
    return await _claim(db, chosen, now)


def _available(now: datetime) -> tuple[ColumnElement[bool] | TextClause, ...]:
    return _WAITING, ExtensionEvent.available_at <= now


def _candidates(now: datetime) -> Select[str, str]:
    """Ids and tenants of events that nothing holds back: the first of each tenant, then the second of each."""
    earlier = aliased(ExtensionEvent, name="earlier")
    blocked = (
        select(earlier.seq)
        .where(
            earlier.install_id == ExtensionEvent.install_id,
            earlier.subject == ExtensionEvent.subject,
            earlier.seq < ExtensionEvent.seq,
            _EARLIER_IS_OPEN,
            earlier.out_of_order.is_(False),
        )
        .exists()
    )
    turn = func.row_number().over(partition_by=ExtensionEvent.tenant_id, order_by=ExtensionEvent.seq)
    return (
        select(ExtensionEvent.id, ExtensionEvent.tenant_id)
        .join(
            TenantExtensionInstall,
            and_(TenantExtensionInstall.id == ExtensionEvent.install_id, TenantExtensionInstall.tenant_id == ExtensionEvent.tenant_id),
        )
        .where(*_available(now), IS_ENABLED, or_(ExtensionEvent.out_of_order.is_(True), ~blocked))
        .order_by(turn, ExtensionEvent.seq)
    )


async def _claim(db: Database, event_ids: Sequence[str], now: datetime) -> list[str]:
    if not event_ids:
        return []
    claim = (
        update(ExtensionEvent)
        .where(ExtensionEvent.id.in_(event_ids), ExtensionEvent.status == "waiting")
        .values(status="delivering", turn=ExtensionEvent.turn + 1, claimed_at=now)
        .returning(ExtensionEvent.id, ExtensionEvent.turn)
    )
    try:
        async with db.transaction() as session:
            return [workflow_id(row[0], row[1]) for row in await session.execute(claim)]
    except IntegrityError:
        # Someone changed rows by hand while we looked: the next look sees it.
        return []
