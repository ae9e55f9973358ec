"""Reads of the hot path: one prepared connection on the thread of the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
import time

from holdfast.records.database.errors import DatabaseError
from holdfast.records.database.hot_transaction import Job, T
from holdfast.records.database.sqlite.connection import HotConnection, run_job
from holdfast.records.database.sqlite.errors import translate
from holdfast.records.database.sqlite.write_lock import MAX_WAIT_SECONDS

_PAUSE_SECONDS = 0.001


class SqliteReader:
    """Runs jobs that only read; each sees one state. A writer never blocks them."""

    def __init__(self, file: str) -> None:
        self._connection = HotConnection(file, pragmas=("query_only=ON",))

    async def read(self, job: Job[T], *, one_statement: bool) -> T:
        """The result of the job. It suspends only when the database is locked for recovery. Raises what the job raises; DatabaseError."""
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while True:
            try:
                return self._run(job, one_statement)
            except DatabaseError as error:
                if error.code != "database_busy" or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _run(self, job: Job[T], one_statement: bool) -> T:
        try:
            connection = self._connection.open()
            if not one_statement:
                connection.execute("BEGIN")
        except sqlite3.Error as error:
            raise translate(error, "BEGIN") from error
        try:
            return run_job(job, connection)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
