"""Warns when what an install stores crosses 80 % of its limit, or reaches it: in the log and in the debug stream of the extension.

A transaction of the storage knows the bytes before and after it, and those of one install come one after the other. So of all gateway
processes one warns. An install that stores about that much would cross the mark often: a process warns once a day of each mark.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import bindparam, select

from holdfast.events.model.event import EventSink, notice
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared
from holdfast.registry.models.installs import TenantExtensionInstall
from holdfast.registry.quotas.kinds import day_of, warn_at
from holdfast.storage.records import InstallKey

MAX_REMEMBERED = 20_000

_EXTENSION_OF_INSTALL = Prepared(
    select(TenantExtensionInstall.registry_id).where(
        TenantExtensionInstall.tenant_id == bindparam("tenant_id"), TenantExtensionInstall.id == bindparam("install_id")
    )
)

_log = structlog.get_logger(__name__)


class StorageWarnings:
    """Watches what installs store. `limit` is the most that an install may store, in bytes."""

    def __init__(self, db: Database, events: EventSink, limit: int, *, now: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._events = events
        self._limit = limit
        self._now = now
        self._warned: set[tuple[InstallKey, str]] = set()
        self._day = day_of(now())
        self._tasks: set[asyncio.Task[None]] = set()

    def report_growth(self, install: InstallKey, before: int, after: int, own_limit: int | None = None) -> None:
        """Warns if the install crossed a mark. `own_limit` is that of the install: None without one, 0 for no limit. Returns at once."""
        limit = self._limit if own_limit is None else own_limit
        if limit == 0:
            return
        for event, mark in (("quota_used_up", limit), ("quota_nearly_used", warn_at(limit))):
            if before < mark <= after:
                if self._is_first_today(install, event):
                    task = asyncio.get_running_loop().create_task(self._warn(install, event, after, limit))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
                return

    async def close(self) -> None:
        """Waits for the warnings that are being written."""
        await asyncio.gather(*self._tasks)

    def _is_first_today(self, install: InstallKey, event: str) -> bool:
        day = day_of(self._now())
        if day != self._day or len(self._warned) >= MAX_REMEMBERED:
            self._day = day
            self._warned.clear()
        known = (install, event) in self._warned
        self._warned.add((install, event))
        return not known

    async def _warn(self, install: InstallKey, event: str, used: int, limit: int) -> None:
        async def read(tx: HotTransaction) -> str | None:
            rows = await tx.execute(_EXTENSION_OF_INSTALL, {"tenant_id": install.tenant_id, "install_id": install.install_id})
            return str(rows[0][0]) if rows else None

        try:
            extension = await self._db.read(read)
        except Exception:  # the log line is worth more than the name of the extension
            extension = None
        context = {"tenant": install.tenant_id, "extension": extension, "install": install.install_id}
        about = {**context, "quota": "storage_bytes", "used": used, "limit": limit}
        if event == "quota_used_up":
            _log.warning("quota_used_up", **about)
        else:
            _log.warning("quota_nearly_used", **about)
        if extension is not None:
            share = f"{used * 100 // limit} % of the storage is used ({used:,} of {limit:,} bytes)."
            self._events.publish(notice(install.tenant_id, extension, f"{share} At 100 %, writes are refused."))
