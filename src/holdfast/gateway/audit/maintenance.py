"""The periodic work on the audit log: marks calls that were cut off, and deletes what is older than its retention."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from holdfast.errors import HoldfastError
from holdfast.gateway.audit.cut_off import mark_cut_off
from holdfast.gateway.audit.retention import delete_old_minutes, delete_old_rows, made_by_holdfast
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.settings import Settings

PAUSE_SECONDS = 60.0

_log = structlog.get_logger(__name__)


async def run_audit_loop(
    db: Database, settings: Settings, *, now: Callable[[], datetime] = utc_now, pause_seconds: float = PAUSE_SECONDS
) -> None:
    """Works now and then every `pause_seconds`, until it is cancelled. It logs an error and tries again the next time.

    Several processes may run it: together they do the same.
    """
    while True:
        try:
            await maintain_audit_log(db, settings, now())
        except (HoldfastError, SQLAlchemyError, OSError) as error:
            _log.warning("audit_maintenance_failed", error=getattr(error, "code", type(error).__name__))
        await asyncio.sleep(pause_seconds)


async def maintain_audit_log(db: Database, settings: Settings, instant: datetime) -> None:
    """One pass. Raises DatabaseError and errors of SQLAlchemy."""
    marked = await mark_cut_off(db, now=instant, only_own=not await made_by_holdfast(db))
    rows = await delete_old_rows(db, days=settings.audit_retention_days, now=instant)
    minutes = await delete_old_minutes(db, days=settings.call_statistics_retention_days, now=instant)
    if marked or rows or minutes:
        _log.info("audit_log_maintained", cut_off=marked, deleted_rows=rows, deleted_minutes=minutes)
