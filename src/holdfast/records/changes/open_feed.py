"""The change feed that fits a database."""

from __future__ import annotations

from sqlalchemy import URL

from holdfast.records.changes.feed import ChangeFeed
from holdfast.records.changes.sqlite_counters import SqliteCounters


def change_feed(url: URL) -> ChangeFeed:
    """The feed of the database at `url`, which names the driver."""
    if url.get_backend_name() == "sqlite":
        return SqliteCounters(url.database)
    # Imported for Postgres only: its driver takes a tenth of the time of a start.
    from holdfast.records.changes.postgres_listener import PostgresListener

    return PostgresListener(url)
