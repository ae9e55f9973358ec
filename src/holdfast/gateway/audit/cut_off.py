"""Calls that were cut off: their process ended before they did, so their rows never got an end."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, String, bindparam, cast, func, literal_column, select, update

from holdfast.gateway.audit.minutes import MinuteCounts
from holdfast.gateway.audit.rows import CUT_OFF
from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared
from holdfast.registry.models.installs import ExtensionExecutionLog

CUT_OFF_AFTER = timedelta(minutes=5)
"""The longest deadline of a call is 60 seconds; the rest is for clocks that differ and processes that were stopped for a while."""
_ROWS_AT_ONCE = 100

_LOG = ExtensionExecutionLog

# In the text of the statement: the partial index serves no parameter.
_STARTED: ColumnElement[str] = literal_column("'started'")

# Rows of a gateway that is not Holdfast have random ids; those of Holdfast are UUIDs of version 7.
_OPEN = Prepared(
    select(_LOG.id, _LOG.tenant_id, _LOG.registry_id, _LOG.started_at)
    .where(
        _LOG.status == _STARTED,
        _LOG.started_at < bindparam("before"),
        func.substr(cast(_LOG.id, String), 15, 1).between(bindparam("lowest"), "7"),
    )
    .order_by(_LOG.started_at)
    .limit(_ROWS_AT_ONCE)
)
_CLOSE = Prepared(
    update(_LOG)
    .where(_LOG.id == bindparam("row_id"), _LOG.tenant_id == bindparam("of_tenant"), _LOG.status == _STARTED)
    .values(status="error", error=CUT_OFF, finished_at=bindparam("end"))
)


async def mark_cut_off(db: Database, *, now: datetime, only_own: bool) -> int:
    """Completes rows that stayed `started` for longer than any call can take; returns how many.

    `only_own`: the table has rows of another gateway, which stay as they are. Several processes may run it at once.
    """

    async def job(tx: HotTransaction) -> int:
        parameters = {"before": now - CUT_OFF_AFTER, "lowest": "7" if only_own else "0"}
        counts = MinuteCounts()
        marked = 0
        for row_id, tenant_id, registry_id, started_at in await tx.execute(_OPEN, parameters):
            await tx.execute(_CLOSE, {"row_id": row_id, "of_tenant": tenant_id, "end": now})
            if tx.changed:
                marked += 1
                counts.add(tenant_id, registry_id, started_at, is_error=True, duration_ms=None)
        await counts.write(tx, is_sqlite=db.is_sqlite)
        return marked

    total = 0
    while (marked := await db.write(job)) > 0:
        total += marked
    return total
