"""The change feed of an SQLite database: triggers count changes by scope, and each call reads the counters of its tenant."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from holdfast.records.changes.feed import ANYTHING, SHARED, Stamp

# Two lookups and no list of scopes, which SQLite would sort.
_READ = "SELECT (SELECT counter FROM change_counters WHERE scope = ?), (SELECT counter FROM change_counters WHERE scope = ?)"


class SqliteCounters:
    """Reads the counters on a connection of its own, which it opens when it is first asked.

    One statement is one read transaction, so it sees whatever any process committed before, and it is never left open. `file` is the path
    of the database; None or `:memory:` have no counters that another connection could read.
    """

    def __init__(self, file: str | None) -> None:
        self._file = None if not file or file == ":memory:" else file
        self._connection: sqlite3.Connection | None = None
        self._cursor: sqlite3.Cursor | None = None

    def stamp(self, tenant_id: str) -> Stamp | None:
        return self._read(tenant_id)

    def mark(self) -> Stamp | None:
        found = self._read(ANYTHING)
        return None if found is None or found[1] is None else found

    @property
    def works(self) -> bool:
        return self.mark() is not None

    def _read(self, scope: str) -> tuple[int, int | None] | None:
        try:
            cursor = self._cursor or self._open()
            ((shared, own),) = cursor.execute(_READ, (SHARED, scope)).fetchall()
        except sqlite3.Error:
            # Missing, locked or damaged: the reads that follow report it. The next call starts with a new connection.
            self._close()
            return None
        # Without the row that the migration made, changes of the shared scope do not count. A tenant without a row never changed.
        return None if shared is None else (shared, own)

    def _open(self) -> sqlite3.Cursor:
        if self._file is None:
            raise sqlite3.OperationalError("a database in memory")
        # Not created when it is missing. Closed from whichever thread ends the process.
        self._connection = sqlite3.connect(f"file:{_quoted(self._file)}?mode=rw", uri=True, isolation_level=None, check_same_thread=False)
        # A reader waits only while another process recovers the log; it must not stop the event loop for longer.
        self._connection.execute("PRAGMA busy_timeout=20")
        self._connection.execute("PRAGMA query_only=ON")
        self._cursor = self._connection.cursor()
        return self._cursor

    @asynccontextmanager
    async def follow(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self._close()

    def _close(self) -> None:
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


def _quoted(path: str) -> str:
    """A path as SQLite reads it in an address."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
