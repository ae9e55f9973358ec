"""The change feed of an SQLite database: triggers count changes by scope, and each call reads the counters of its tenant."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from holdfast.records.changes.feed import ANYTHING, SHARED, Stamp

_READ = f"SELECT scope, counter FROM change_counters WHERE scope IN ('{SHARED}', ?)"  # noqa: S608 (constants)


class SqliteCounters:
    """Reads the counters on a connection of its own, which it opens when it is first asked.

    One statement is one read transaction, so it sees whatever any process committed before, and it is never left open. `file` is the path
    of the database; None or `:memory:` have no counters that another connection could read.
    """

    def __init__(self, file: str | None) -> None:
        self._file = None if not file or file == ":memory:" else file
        self._connection: sqlite3.Connection | None = None

    def stamp(self, tenant_id: str) -> Stamp | None:
        return self._read(tenant_id)

    def mark(self) -> Stamp | None:
        return self._read(ANYTHING)

    def _read(self, scope: str) -> Stamp | None:
        try:
            connection = self._connection or self._open()
            counters = connection.execute(_READ, (scope,)).fetchall()
        except sqlite3.Error:
            # Missing, locked or damaged: the reads that follow report it. The next call starts with a new connection.
            self._close()
            return None
        # The migration made the row of the shared scope; without it nothing counts. A tenant without a row never changed.
        return tuple(counters) if any(name == SHARED for name, _ in counters) else None

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            raise sqlite3.OperationalError("a database in memory")
        # Not created when it is missing. Closed from whichever thread ends the process.
        self._connection = sqlite3.connect(f"file:{_quoted(self._file)}?mode=rw", uri=True, isolation_level=None, check_same_thread=False)
        # A reader waits only while another process recovers the log; it must not stop the event loop for longer.
        self._connection.execute("PRAGMA busy_timeout=20")
        self._connection.execute("PRAGMA query_only=ON")
        return self._connection

    @asynccontextmanager
    async def follow(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


def _quoted(path: str) -> str:
    """A path as SQLite reads it in an address."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
