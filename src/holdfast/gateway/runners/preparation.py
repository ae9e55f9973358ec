"""Has the runners fetch and compile bundles before their first call: at the start, and when an install has changed.

A command that works on the data folder cannot reach this object; the first call of its bundle waits for the preparation instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from holdfast.errors import HoldfastError
from holdfast.gateway.runners.warmups import Bundle
from holdfast.records.database.database import Database
from holdfast.registry.installs.bundles import bundles_in_use
from holdfast.registry.installs.call_context import install_context

_log = structlog.get_logger(__name__)


class BundlePreparation:
    """Prepares bundles in the background. What fails is left to the first call, which reports it."""

    def __init__(self, db: Database, prepare: Callable[[Bundle], None]) -> None:
        """`prepare` sends a bundle to the runners, without waiting."""
        self._db = db
        self._prepare = prepare
        self._tasks: set[asyncio.Task[None]] = set()

    def install_changed(self, tenant_id: str, extension: str) -> None:
        """Prepares the bundle of an install that may run now. `extension` is any of its names."""
        task = asyncio.get_running_loop().create_task(self._prepare_install(tenant_id, extension), name="prepare an install")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def prepare_all(self) -> None:
        """Prepares the bundles of enabled installs, those that changed last first. Logs an error of the database."""
        try:
            bundles = await bundles_in_use(self._db)
        except (HoldfastError, SQLAlchemyError) as error:
            _log.warning("bundles not prepared", error=getattr(error, "code", type(error).__name__))
            return
        for one in bundles:
            self._prepare(Bundle(one.tenant_id, one.registry_id, one.content_hash))

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
