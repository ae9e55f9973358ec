"""Lists the installs of a data folder with sqlite3 alone.

`holdfast list` answers in a third of a second this way. SQLAlchemy, Alembic and the registry take two seconds to import, so they are used
only when there is something to do for them: a database to create or to migrate, a server to connect to, a tenant to look for.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from holdfast.platform.credentials import credentials_file
from holdfast.platform.lock_file import extension_url
from holdfast.records.development_tenant import DEVELOPMENT_TENANT_ID
from holdfast.registry.installs.listing_query import INSTALLS_OF_TENANT, JSON_COLUMNS, TIMESTAMP_COLUMNS, summaries_of
from holdfast.registry.installs.results import InstallSummary
from holdfast.registry.migrations.newest import newest_revision
from holdfast.settings import Settings


class QuickList:
    """The `InstallList` of a data folder, with the installs that were read."""

    def __init__(self, data_dir: Path, installs: list[InstallSummary]) -> None:
        self._data_dir = data_dir
        self._installs = installs

    def page_of(self, registry_id: str) -> str:
        return extension_url(self._data_dir, registry_id)

    async def installs(self) -> list[InstallSummary]:
        return self._installs


def open_quick_list(settings: Settings, tenant: str | None) -> QuickList | None:
    """The installs of a tenant (None: the development tenant) in the SQLite file of the data folder.

    None when only the registry can tell: the settings name another database, the file does not exist or has another revision, the
    development account does not exist, or the tenant is not found under exactly this id.
    """
    file = settings.data_dir / "holdfast.db"
    if settings.database_url is not None or not file.is_file() or not credentials_file(settings.data_dir).is_file():
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            rows = _read(connection, tenant or DEVELOPMENT_TENANT_ID)
            return None if rows is None else QuickList(settings.data_dir, summaries_of(rows))
    except (sqlite3.Error, msgspec.DecodeError, ValueError):
        # Whatever is wrong with the file, the registry reports it better.
        return None


def _read(connection: sqlite3.Connection, tenant: str) -> Iterator[Mapping[str, Any]] | None:
    if [tuple(row) for row in connection.execute("SELECT version_num FROM alembic_version")] != [(newest_revision(),)]:
        return None
    if connection.execute("SELECT 1 FROM tenants WHERE tenant = ?", (tenant,)).fetchone() is None:
        return None
    return map(_decode, connection.execute(INSTALLS_OF_TENANT, {"tenant": tenant}))


def _decode(row: sqlite3.Row) -> dict[str, Any]:
    values = dict(row)
    for name in JSON_COLUMNS:
        values[name] = None if values[name] is None else msgspec.json.decode(values[name])
    for name in TIMESTAMP_COLUMNS:
        values[name] = datetime.fromisoformat(values[name]).replace(tzinfo=UTC)
    return values
