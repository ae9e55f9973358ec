"""One database: its connections, and the ways to use them: sessions of the ORM, and jobs of the hot path.

                 session(), read(job)                      transaction(), write(job)
                    │                                         │
    SQLite       BEGIN: no lock                            in turn, one after the other; then BEGIN IMMEDIATE
    Postgres     BEGIN, REPEATABLE READ                    BEGIN, READ COMMITTED
                    │                                         │
    sees         the state of its first statement          SQLite: its own state; there is no other writer
                    │                                      Postgres: what is committed when each statement starts,
                    │                                         which is why rows are locked and read again before they change
                    ▼                                         ▼
    ends         ROLLBACK                                  COMMIT at the end of the block, ROLLBACK when it raises

A reader never waits for a writer, nor a writer for a reader. On SQLite, never open a transaction inside another one of the same task: the
inner one is refused, for it would wait for the outer one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Literal

import structlog
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from holdfast.records.changes.tables import decides_calls
from holdfast.records.database.address import database_address, reason_of, shown_address
from holdfast.records.database.database.session_jobs import SessionHotPath
from holdfast.records.database.errors import DatabaseError
from holdfast.records.database.hot_transaction import HotPath, Job, T
from holdfast.records.database.json_text import decode_json, encode_json, encode_json_for_postgres
from holdfast.records.database.sqlite.engine_events import WRITES, prepare_engine
from holdfast.records.database.sqlite.errors import database_error
from holdfast.records.database.sqlite.hot_path import SqliteHotPath
from holdfast.records.database.sqlite.watched_file import WatchedFile

Durability = Literal["process", "power"]
_CHANGES = "holdfast_changes"

_log = structlog.get_logger(__name__)


class Database:
    """A database by its URL (`sqlite:///file` or `postgresql://…`, with or without the driver's name).

    What is committed survives the death of every process; with the durability `power`, on SQLite also a loss of power (on Postgres that
    is a setting of the server: `fsync`).

    Raises DatabaseError (`database_url_unusable`).

    On SQLite every connection has write-ahead logging and enforced foreign keys, and writers of all processes take turns before they begin:
    two writers wait, neither fails halfway. On Postgres a writing transaction sees at each statement what others have committed (READ
    COMMITTED), a reading session sees the state of its first statement (REPEATABLE READ).
    """

    def __init__(self, url: str, *, durability: Durability = "process") -> None:
        self.url = url
        parsed = database_address(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        file = parsed.database if self.is_sqlite and parsed.database != ":memory:" else None
        if file:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_async_engine(
            parsed,
            pool_pre_ping=not self.is_sqlite,
            json_serializer=encode_json if self.is_sqlite else encode_json_for_postgres,
            json_deserializer=decode_json,
        )
        if self.is_sqlite:
            prepare_engine(self._engine.sync_engine, durable=durability == "power")
        else:
            # Imported for Postgres only: its driver takes a tenth of the time of a start.
            from holdfast.records.database.postgres.hot_path import PostgresHotPath
            from holdfast.records.database.postgres.text import prepare_postgres

            event.listen(self._engine.sync_engine, "connect", prepare_postgres)
            event.listen(self._engine.sync_engine, "begin", _begin_postgres)
            event.listen(self._engine.sync_engine, "after_cursor_execute", _note_change)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._transactions = async_sessionmaker(self._engine.execution_options(**{WRITES: True}), expire_on_commit=False)
        self._watched = WatchedFile(file) if file else None
        self._hot: HotPath
        if not self.is_sqlite:
            _, arguments = self._engine.dialect.create_connect_args(parsed)
            self._hot = PostgresHotPath(arguments, shown=shown_address(parsed))
        elif file:
            self._hot = SqliteHotPath(file, durable=durability == "power")
        else:
            self._hot = SessionHotPath(self._sessions, self._transactions)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session for reading: one consistent view. What it changed is discarded unless it commits by itself.

        Raises DatabaseError (`database_unreachable`).
        """
        with self._report_unusable():
            await self._forget_replaced_file()
            async with self._sessions() as session:
                yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session for writing: commits when the block ends, rolls back when it raises.

        When it changed what decides calls, the block ends on Postgres after every gateway knows, or after a second (see
        `records.changes`); on SQLite gateways read that at each call. Raises DatabaseError (`database_unreachable`, `database_busy`,
        `database_full`).
        """
        changes: list[str] = []
        with self._report_unusable():
            async with self._hot.turn(), self._opened_transaction() as session:
                if not self.is_sqlite:
                    await session.connection(execution_options={_CHANGES: changes})
                yield session
        if changes:
            from holdfast.records.changes.confirmation import wait_for_gateways

            await wait_for_gateways(self._engine)

    async def read(self, job: Job[T], *, one_statement: bool = False) -> T:
        """Runs a job of the hot path that only reads, and returns its result; all its statements see the same state.

        `one_statement` promises that the job executes a single one: Postgres then needs no BEGIN and COMMIT.

        Raises what the job raises, and DatabaseError (`database_unreachable`).
        """
        return await self._hot.read(job, one_statement=one_statement)

    async def write(self, job: Job[T], *, one_statement: bool = False) -> T:
        """Runs a job of the hot path that writes, and returns its result when what it wrote is durable. What it wrote is discarded when it
        raises. No gateway is waited for: a job does not change what decides calls.

        On SQLite, jobs that are queued together are committed together. When the caller is cancelled, a job that has not started is
        dropped. Raises what the job raises, and DatabaseError (`database_unreachable`, `database_busy`, `database_full`); on SQLite
        `database_busy` inside a transaction of the same task.
        """
        return await self._hot.write(job, one_statement=one_statement)

    def submit(self, job: Job[T], *, one_statement: bool = False) -> asyncio.Future[T]:
        """Queues a job that writes, for callers that collect their work themselves and write it in batches.

        The future has the job's result when what it wrote is durable. On Postgres these jobs share a connection of their own, so that
        they never wait for others.
        """
        return self._hot.submit(job, one_statement=one_statement)

    @property
    def engine(self) -> AsyncEngine:
        """The pool of connections that sessions and transactions use."""
        return self._engine

    @property
    def sync_engine(self) -> Engine:
        """The engine to register connection events on. Jobs of the hot path do not use it."""
        return self._engine.sync_engine

    @asynccontextmanager
    async def _opened_transaction(self) -> AsyncIterator[AsyncSession]:
        await self._forget_replaced_file()
        async with self._transactions() as session, session.begin():
            yield session

    async def _forget_replaced_file(self) -> None:
        """Closes connections to a file that is no longer at its path. Raises DatabaseError (`database_unreachable`) when it is missing."""
        watched = self._watched
        if watched is None:
            return
        was_seen = watched.was_seen
        # The first connection may create the file.
        if (was_seen or watched.exists()) and watched.has_changed() and was_seen:
            await self._engine.dispose()

    @contextmanager
    def _report_unusable(self) -> Iterator[None]:
        """Raises DatabaseError for a database that cannot be used. The address of a server goes to the log, not to the caller."""
        try:
            yield
        except OperationalError as error:
            if self.is_sqlite:
                known = database_error(error.orig)
                if known is None:
                    raise
                raise known from error
            # An error without a statement is a failed connect. A connection that the server ended is discarded; the next one is new.
            if not (error.statement is None or error.connection_invalidated):
                raise
            _log.error("database_unreachable", database=shown_address(self._engine.url), reason=reason_of(error))
            raise DatabaseError("database_unreachable", "The database does not respond.", hint="Try again in a moment.") from error

    async def close(self) -> None:
        """Completes what is queued, and closes every connection."""
        await self._hot.close()
        await self._engine.dispose()


def _begin_postgres(connection: Connection) -> None:
    # Not as an option of the connection: that is set during checkout from the pool, and a task cancelled there would leak the connection.
    if not connection.get_execution_options().get(WRITES, False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _note_change(connection: Connection, cursor: Any, statement: str, *more: Any) -> None:
    # Here and not where tables are changed, so that no writer can forget it.
    changes = connection.get_execution_options().get(_CHANGES)
    if changes is not None and cursor.rowcount != 0 and decides_calls(statement):
        changes.append(statement)
