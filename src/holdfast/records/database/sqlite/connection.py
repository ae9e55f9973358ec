"""A connection of the hot path: SQLite's own driver on the thread of the event loop, with its statements prepared."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from holdfast.records.database.errors import DatabaseError
from holdfast.records.database.hot_transaction import NO_PARAMS, Job, T
from holdfast.records.database.prepared import Prepared, Row
from holdfast.records.database.sqlite.errors import database_error, translate
from holdfast.records.database.sqlite.watched_file import WatchedFile

_CACHED_STATEMENTS = 512


class HotConnection:
    """A connection to a database file, opened when it is first used and again when the file was replaced."""

    def __init__(self, file: str, *, pragmas: Sequence[str]) -> None:
        self.file = file
        self._pragmas = ("foreign_keys=ON", "busy_timeout=0", *pragmas)
        self._connection: sqlite3.Connection | None = None
        self._watched = WatchedFile(file)

    def open(self) -> sqlite3.Connection:
        """The connection to the file that is at its path now.

        Raises DatabaseError (`database_unreachable`); sqlite3.Error when the file is busy.
        """
        try:
            has_changed = self._watched.has_changed()
        except DatabaseError:
            self.close()
            raise
        if has_changed or self._connection is None:
            self.close()
            self._connection = self._connect()
        return self._connection

    def close(self) -> None:
        """Closes the connection; an open transaction is rolled back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> sqlite3.Connection:
        # The commit of a durable writer runs in another thread.
        try:
            connection = sqlite3.connect(
                file_address(self.file),
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=_CACHED_STATEMENTS,
                timeout=0,
            )
        except sqlite3.Error as error:
            raise database_error(error) or error from error
        try:
            # The file stores the mode. If it is busy, a later connection sets it.
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute("PRAGMA journal_mode=WAL").close()
            for pragma in self._pragmas:
                connection.execute(f"PRAGMA {pragma}").close()
        except BaseException:
            connection.close()
            raise
        return connection


def file_address(file: str) -> str:
    """The address of a database file that must exist: opening it never creates one."""
    return f"{Path(file).absolute().as_uri()}?mode=rw"


class HotSqliteTransaction:
    """The HotTransaction of one job; it never suspends."""

    __slots__ = ("_connection", "changed")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection: sqlite3.Connection | None = connection
        self.changed = 0

    async def execute(self, statement: Prepared, params: Mapping[str, Any] = NO_PARAMS) -> list[Row]:
        compiled = statement.sqlite
        values = compiled.bind(params)
        try:
            cursor = self._open().execute(compiled.sql, values)
            fetched = cursor.fetchall()
        except sqlite3.Error as error:
            raise translate(error, compiled.sql) from error
        self.changed = cursor.rowcount
        return compiled.rows(fetched) if fetched else fetched

    async def execute_many(self, statement: Prepared, rows: Sequence[Mapping[str, Any]]) -> None:
        compiled = statement.sqlite
        values = [compiled.bind(row) for row in rows]
        try:
            cursor = self._open().executemany(compiled.sql, values)
        except sqlite3.Error as error:
            raise translate(error, compiled.sql) from error
        self.changed = cursor.rowcount

    def end(self) -> None:
        """Ends the use of the connection: the job is done."""
        self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError("the job of this transaction is over")
        return self._connection


def run_job(job: Job[T], connection: sqlite3.Connection) -> T:
    """Runs a job to its end without suspending. Raises what it raises; RuntimeError when it awaits anything but its transaction."""
    transaction = HotSqliteTransaction(connection)
    coroutine = job(transaction)
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        transaction.end()
    coroutine.close()
    raise RuntimeError("a job of the database awaited something else than its transaction")
