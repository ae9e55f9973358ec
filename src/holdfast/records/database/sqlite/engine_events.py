"""How SQLAlchemy's connections to SQLite begin, wait and end."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS = 10_000
WRITES = "holdfast_writes"
"""The execution option of an engine whose transactions write."""
LOWER = "holdfast_lower"
"""An SQL function that returns a text in lower case, in every script: SQLite's own `lower` knows only ASCII."""


def prepare_engine(engine: Engine, *, durable: bool) -> None:
    """Registers what happens at connect, begin and invalidation. `durable`: commits survive a loss of power."""

    def connected(connection: Any, entry: ConnectionPoolEntry) -> None:
        _connected(connection, durable=durable)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "invalidate", _release)


def _connected(connection: Any, *, durable: bool) -> None:
    # The driver must not begin transactions by itself: _begin chooses the kind.
    connection.isolation_level = None
    connection.create_function(LOWER, 1, _lower, deterministic=True)
    cursor = connection.cursor()
    # For programs that do not know the lock file; Holdfast's own writers take turns before they begin.
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    cursor.execute("PRAGMA foreign_keys=ON")
    # The checkpointer does it, in the background.
    cursor.execute("PRAGMA wal_autocheckpoint=0")
    # The file stores the mode. Changing it does not wait for locks: if another process is writing, a later connection does it.
    with contextlib.suppress(sqlite3.OperationalError, OperationalError):
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _release(connection: Any, entry: ConnectionPoolEntry, error: BaseException | None) -> None:
    # A cancelled statement may still hold rows. While a reference to the error, and through it to the statement's cursor, exists, closing
    # would neither end the transaction nor release its lock: the cleanup would wait for itself.
    with contextlib.suppress(sqlite3.Error, ValueError):
        connection.rollback()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
