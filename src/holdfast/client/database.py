"""The records of a data folder, opened for one command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from holdfast.platform.environment import credentials_file
from holdfast.records.accounts import ensure_development_tenant
from holdfast.records.database.database import Database
from holdfast.registry.migrate import migrate
from holdfast.settings import Settings


@asynccontextmanager
async def open_records(settings: Settings) -> AsyncIterator[Database]:
    """The database of the settings, with its tables and the development tenant in place."""
    await migrate(settings.resolved_database_url)
    db = Database(settings.resolved_database_url)
    try:
        await ensure_development_tenant(db, credentials_file(settings.data_dir))
        yield db
    finally:
        await db.close()
