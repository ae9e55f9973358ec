"""Has the runners fetch and compile bundles before their first call: at the start, and when an install has changed.

a request of this gateway changes an install ──▶ install_changed ──────────────────────────┐
the start ─────────────────────────────────────▶ prepare_all ──────────────────────────────┼──▶ the runners
another process, or SQL, changes something ────▶ the change feed's mark differs: within ───┘
                                                 a second, what runs now and did not before
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from holdfast.errors import HoldfastError
from holdfast.gateway.runners.warmups import Bundle
from holdfast.records.changes.feed import ChangeFeed
from holdfast.records.database.database import Database
from holdfast.registry.installs.bundles import bundles_in_use
from holdfast.registry.installs.call_context import install_context

LOOK_SECONDS = 1.0
"""How often the mark of the change feed is compared. One statement on SQLite, no statement on Postgres."""

_log = structlog.get_logger(__name__)


class BundlePreparation:
    """Prepares bundles in the background. What fails is left to the first call, which reports it."""

    def __init__(self, db: Database, prepare: Callable[[Bundle], None]) -> None:
        """`prepare` sends a bundle to the runners, without waiting."""
        self._db = db
        self._prepare = prepare
        self._tasks: set[asyncio.Task[None]] = set()
        # What ran when it was last listed, so that a change of something else prepares nothing again.
        self._running: set[Bundle] = set()

    def install_changed(self, tenant_id: str, extension: str) -> None:
        """Prepares the bundle of an install that may run now. `extension` is any of its names."""
        task = asyncio.get_running_loop().create_task(self._prepare_install(tenant_id, extension), name="prepare an install")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def prepare_all(self) -> None:
        """Prepares the bundles of enabled installs, those that changed last first. Logs an error of the database."""
        for bundle in await self._list_running() or ():
            self._prepare(bundle)

    async def follow(self, changes: ChangeFeed, *, look_seconds: float = LOOK_SECONDS) -> None:
        """Prepares what installs run after a change by any process or by SQL, until it is cancelled."""
        seen = changes.mark()
        # What runs already is the business of `prepare_all`, which one process calls.
        await self._list_running()
        while True:
            await asyncio.sleep(look_seconds)
            mark = changes.mark()
            if mark is None or mark == seen:
                continue
            before = self._running
            running = await self._list_running()
            if running is not None:
                seen = mark
                for bundle in running:
                    if bundle not in before:
                        self._prepare(bundle)

    async def close(self) -> None:
        """Stops preparing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _prepare_install(self, tenant_id: str, extension: str) -> None:
        try:
            found = await install_context(self._db, tenant_id, extension)
        except (HoldfastError, SQLAlchemyError) as error:
            _log.warning("install not prepared", extension=extension, error=getattr(error, "code", type(error).__name__))
            return
        if found is not None and found.content_hash is not None:
            self._prepare(Bundle(tenant_id, found.registry_id, found.content_hash))

    async def _list_running(self) -> list[Bundle] | None:
        """The bundles that enabled installs run; None after an error of the database, which it logs."""
        try:
            found = await bundles_in_use(self._db)
        except (HoldfastError, SQLAlchemyError) as error:
            _log.warning("bundles not prepared", error=getattr(error, "code", type(error).__name__))
            return None
        running = [Bundle(one.tenant_id, one.registry_id, one.content_hash) for one in found]
        self._running = set(running)
        return running
