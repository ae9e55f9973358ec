"""The change feed that fits a database."""

from __future__ import annotations

from sqlalchemy import URL

from holdfast.records.changes.feed import ChangeFeed
from holdfast.records.changes.postgres_listener import PostgresListener
from holdfast.records.changes.sqlite_counters import SqliteCounters


def change_feed(url: URL) -> ChangeFeed:
    """The feed of the database at `url`, which names the driver."""
    return SqliteCounters(url.database) if url.get_backend_name() == "sqlite" else PostgresListener(url)
