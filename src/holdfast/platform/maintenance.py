"""What a platform tidies up by itself: what uninstalled extensions stored, uploads that nobody finished, what killed processes left."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from holdfast.bundles.store.protocol import BundleStore
from holdfast.errors import HoldfastError
from holdfast.records.database.database import Database
from holdfast.registry.installs.uninstall import remove_due_storage
from holdfast.registry.publishing.uploads import sweep_uploads

PAUSE_SECONDS = 3600.0
UPLOADS_OLDER_THAN = timedelta(days=1)

_log = structlog.get_logger(__name__)


async def tidy_up_forever(db: Database, store: BundleStore, *, pause_seconds: float = PAUSE_SECONDS) -> None:
    """Tidies up now and then every `pause_seconds`, until it is cancelled. What fails is logged and tried again the next time."""
    while True:
        try:
            removed = await remove_due_storage(db)
            swept = await sweep_uploads(db, store, older_than=UPLOADS_OLDER_THAN)
            if removed or swept:
                _log.info("tidied up", storages=removed, uploads=swept)
        except (HoldfastError, SQLAlchemyError, OSError) as error:
            _log.warning("could not tidy up", error=getattr(error, "code", type(error).__name__))
        await asyncio.sleep(pause_seconds)
