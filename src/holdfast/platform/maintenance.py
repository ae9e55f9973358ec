"""Periodic maintenance: deletes the storage of uninstalled extensions after its grace period, what development installs have
replaced, abandoned uploads and objects, records that have expired, and temporary folders of killed processes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from holdfast.concurrency.workspaces import remove_stale_temporary_folders
from holdfast.errors import HoldfastError
from holdfast.records.database.database import Database
from holdfast.registry.lifecycle.service import InstallService
from holdfast.registry.publishing.service import PublishingService
from holdfast.storage.expiry import sweep_expired

PAUSE_SECONDS = 3600.0
EXPIRY_PAUSE_SECONDS = 60.0
UPLOADS_OLDER_THAN = timedelta(days=1)

_log = structlog.get_logger(__name__)


async def run_maintenance_loop(installs: InstallService, publishing: PublishingService, *, pause_seconds: float = PAUSE_SECONDS) -> None:
    """Runs maintenance now and then every `pause_seconds`, until it is cancelled. It logs an error and tries again the next time."""
    while True:
        try:
            await asyncio.to_thread(remove_stale_temporary_folders)
            removed = await installs.remove_due_storage()
            replaced = await installs.sweep_replaced()
            swept = await publishing.sweep_uploads(older_than=UPLOADS_OLDER_THAN)
            if removed or replaced or swept:
                _log.info("maintenance removed unused data", storages=removed, replaced_bundles=replaced, uploads=swept)
        except (HoldfastError, SQLAlchemyError, OSError) as error:
            _log.warning("maintenance failed", error=getattr(error, "code", type(error).__name__))
        await asyncio.sleep(pause_seconds)


async def run_expiry_loop(db: Database, *, pause_seconds: float = EXPIRY_PAUSE_SECONDS) -> None:
    """Deletes expired records now and then every `pause_seconds`, until it is cancelled. It logs an error and tries again the next time.

    Several processes may run it: together they do the same.
    """
    while True:
        try:
            swept = await sweep_expired(db)
            if swept:
                _log.info("expired records were removed", records=swept)
        except (HoldfastError, SQLAlchemyError, OSError) as error:
            _log.warning("removing expired records failed", error=getattr(error, "code", type(error).__name__))
        await asyncio.sleep(pause_seconds)
