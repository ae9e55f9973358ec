"""How long the audit log and the statistics of calls are kept. Nothing that an earlier version wrote is deleted without notice.

the table had no rows          delete what is older than the setting
it had rows                    ─► notice in the log, store when ─► 7 days ─► delete
Holdfast did not make it       nothing, unless the setting is given
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog
from sqlalchemy import bindparam, delete, select, tuple_, update

from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared
from holdfast.registry.models.call_log import ExtensionCallMinute, ExtensionLogRetention
from holdfast.registry.models.installs import ExtensionExecutionLog

DEFAULT_DAYS = 90
GRACE = timedelta(days=7)
# A batch takes about a millisecond of the event loop.
_ROWS_AT_ONCE = 100
_PAUSE_SECONDS = 0.01

_LOG, _MINUTES, _STATE = ExtensionExecutionLog, ExtensionCallMinute, ExtensionLogRetention

_READ_STATE = Prepared(select(_STATE.made_by_holdfast, _STATE.needs_notice, _STATE.notified_at).where(_STATE.id == 1))
_NOTIFY = Prepared(update(_STATE).where(_STATE.id == 1, _STATE.notified_at.is_(None)).values(notified_at=bindparam("instant")))
_OLD_ROWS = select(_LOG.id).where(_LOG.started_at < bindparam("before")).order_by(_LOG.started_at).limit(_ROWS_AT_ONCE)
_DELETE_ROWS = Prepared(delete(_LOG).where(_LOG.id.in_(_OLD_ROWS)))
_MINUTE_KEY = (_MINUTES.tenant_id, _MINUTES.registry_id, _MINUTES.minute)
_OLD_MINUTES = select(*_MINUTE_KEY).where(_MINUTES.minute < bindparam("before")).order_by(_MINUTES.minute).limit(_ROWS_AT_ONCE)
_DELETE_MINUTES = Prepared(delete(_MINUTES).where(tuple_(*_MINUTE_KEY).in_(_OLD_MINUTES)))

_log = structlog.get_logger(__name__)


async def made_by_holdfast(db: Database) -> bool:
    """Whether Holdfast made the table of the audit log; if not, another gateway may write to it too."""
    state = await _read_state(db)
    return state is not None and state[0]


async def delete_old_rows(db: Database, *, days: int | None, now: datetime) -> int:
    """Deletes rows of the audit log that are older than `days` (0: none; None: 90 where Holdfast made the table, else none).

    Returns how many. The first time on a database whose log had rows before this version, it gives notice of the deletion instead, and
    deletes nothing for 7 days.
    """
    state = await _read_state(db)
    if state is None:
        return 0
    made, needs_notice, notified_at = state
    kept_days = days if days is not None else DEFAULT_DAYS if made else 0
    if kept_days == 0 or (needs_notice and not await _was_notified(db, notified_at, kept_days, now)):
        return 0
    return await _delete_in_batches(db, _DELETE_ROWS, now - timedelta(days=kept_days))


async def delete_old_minutes(db: Database, *, days: int, now: datetime) -> int:
    """Deletes statistics that are older than `days` (0: none); returns how many rows."""
    return 0 if days == 0 else await _delete_in_batches(db, _DELETE_MINUTES, now - timedelta(days=days))


async def _read_state(db: Database) -> tuple[bool, bool, datetime | None] | None:
    async def job(tx: HotTransaction) -> tuple[bool, bool, datetime | None] | None:
        for made, needs_notice, notified_at in await tx.execute(_READ_STATE):
            return made, needs_notice, notified_at
        return None

    return await db.read(job)


async def _was_notified(db: Database, notified_at: datetime | None, days: int, now: datetime) -> bool:
    """Whether the deletion notice was given long enough ago; gives it if it never was."""
    if notified_at is not None:
        return now >= notified_at + GRACE

    async def store_notice(tx: HotTransaction) -> bool:
        await tx.execute(_NOTIFY, {"instant": now})
        return tx.changed > 0

    if await db.write(store_notice):
        _log.warning(
            "audit_deletion_notice",
            older_than_days=days,
            first_deletion=(now + GRACE).isoformat(timespec="seconds"),
            hint="Set HOLDFAST_AUDIT_RETENTION_DAYS to another number of days, or to 0 to keep every row.",
        )
    return False


async def _delete_in_batches(db: Database, statement: Prepared, before: datetime) -> int:
    async def job(tx: HotTransaction) -> int:
        await tx.execute(statement, {"before": before})
        return tx.changed

    total = 0
    while (deleted := await db.write(job)) > 0:
        total += deleted
        await asyncio.sleep(_PAUSE_SECONDS)
    return total
