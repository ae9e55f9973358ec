"""One database: its connections, and the two ways to use them: a session that reads and a transaction that writes.

                 session()                                 transaction()
                    │                                         │
    SQLite       BEGIN: no lock                            BEGIN IMMEDIATE: waits up to BUSY_TIMEOUT_MS for the one write lock
    Postgres     BEGIN, REPEATABLE READ                    BEGIN, READ COMMITTED
                    │                                         │
    sees         the state of its first statement          SQLite: its own state; there is no other writer
                    │                                      Postgres: what is committed when each statement starts,
                    │                                         which is why rows are locked and read again before they change
                    ▼                                         ▼
    ends         ROLLBACK                                  COMMIT at the end of the block, ROLLBACK when it raises

A reader never waits for a writer, nor a writer for a reader. On SQLite, never open a transaction inside another one of the same task: the
inner one would wait for the lock of the outer one until it times out.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from holdfast.records.database.address import database_address, reason_of, shown_address
from holdfast.records.database.errors import DatabaseError
from holdfast.records.database.hot_transaction import Job, T
from holdfast.records.database.json_text import decode_json, encode_json, encode_json_for_postgres
from holdfast.records.database.postgres_text import prepare_postgres
from holdfast.records.database.session_jobs import SessionTransaction

BUSY_TIMEOUT_MS = 10_000
_WRITES = "holdfast_writes"

_log = structlog.get_logger(__name__)


class Database:
    """A database by its URL (`sqlite:///file` or `postgresql://…`, with or without the driver's name).

    Raises DatabaseError (`database_url_unusable`).

    On SQLite every connection has write-ahead logging, enforced foreign keys and a busy timeout, and a writing transaction takes
    its lock at the start (BEGIN IMMEDIATE): two writers wait, neither fails halfway. On Postgres a writing transaction sees at each
    statement what others have committed (READ COMMITTED), a reading session sees the state of its first statement (REPEATABLE READ).
    """

    def __init__(self, url: str) -> None:
        self.url = url
        parsed = database_address(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_async_engine(
            parsed,
            pool_pre_ping=not self.is_sqlite,
            json_serializer=encode_json if self.is_sqlite else encode_json_for_postgres,
            json_deserializer=decode_json,
        )
        if self.is_sqlite:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)
            event.listen(self._engine.sync_engine, "invalidate", _release_sqlite)
        else:
            event.listen(self._engine.sync_engine, "connect", prepare_postgres)
            event.listen(self._engine.sync_engine, "begin", _begin_postgres)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._transactions = async_sessionmaker(self._engine.execution_options(**{_WRITES: True}), expire_on_commit=False)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session for reading: one consistent view. What it changed is discarded unless it commits by itself.

        Raises DatabaseError (`database_unreachable`).
        """
        with self._report_unreachable():
            async with self._sessions() as session:
                yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session for writing: commits when the block ends, rolls back when it raises. Raises DatabaseError (`database_unreachable`)."""
        with self._report_unreachable():
            async with self._transactions() as session, session.begin():
                yield session

    async def read(self, job: Job[T]) -> T:
        """Runs a job of the hot path that only reads, and returns its result; all its statements see the same state.

        Raises what the job raises, and DatabaseError (`database_unreachable`).
        """
        async with self.session() as session:
            return await job(SessionTransaction(await session.connection(), is_sqlite=self.is_sqlite))

    async def write(self, job: Job[T]) -> T:
        """Runs a job of the hot path that writes, and returns its result when what it wrote is durable. What it wrote is discarded when it
        raises.

        On SQLite, never call it inside a transaction or another job of the same task. Raises what the job raises, and DatabaseError
        (`database_unreachable`).
        """
        async with self.transaction() as session:
            return await job(SessionTransaction(await session.connection(), is_sqlite=self.is_sqlite))

    @property
    def sync_engine(self) -> Engine:
        """The engine to register connection events on."""
        return self._engine.sync_engine

    @contextmanager
    def _report_unreachable(self) -> Iterator[None]:
        """Raises DatabaseError (`database_unreachable`) for a server that is down or ended the connection. Its address goes to the log, not
        to the caller.
        """
        try:
            yield
        except OperationalError as error:
            # An error without a statement is a failed connect. A connection that the server ended is discarded; the next one is new.
            if self.is_sqlite or not (error.statement is None or error.connection_invalidated):
                raise
            _log.error("database_unreachable", database=shown_address(self._engine.url), reason=reason_of(error))
            raise DatabaseError("database_unreachable", "The database does not respond.", hint="Try again in a moment.") from error

    async def close(self) -> None:
        """Closes every connection."""
        await self._engine.dispose()


def _prepare_sqlite(connection: Any, entry: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions by itself: _begin_sqlite chooses the kind.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # The file stores the mode. Changing it does not wait for locks: if another process is writing, a later connection does it.
    with contextlib.suppress(sqlite3.OperationalError, OperationalError):
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()


def _release_sqlite(connection: Any, entry: ConnectionPoolEntry, error: BaseException | None) -> None:
    # A cancelled statement may still hold rows. While a reference to the error, and through it to the statement's cursor, exists, closing
    # would neither end the transaction nor release its lock: the cleanup would wait for itself.
    with contextlib.suppress(sqlite3.Error, ValueError):
        connection.rollback()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgres(connection: Connection) -> None:
    # Not as an option of the connection: that is set during checkout from the pool, and a task cancelled there would leak the connection.
    if not connection.get_execution_options().get(_WRITES, False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
