"""The hot path of Postgres: each job has a connection and a transaction; batches have a connection of their own.

    read(job) ─────► pool ──► BEGIN REPEATABLE READ READ ONLY ── job ── COMMIT      one statement: without BEGIN and COMMIT
    write(job) ────► pool ──► BEGIN ──────────────────────────── job ── COMMIT
    submit(job) ───► queue ─► the one connection of batches, one job after the other

COMMIT returns when the transaction is as durable as the server's settings `synchronous_commit` and `fsync` make it.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, LiteralString

import psycopg
import structlog

from holdfast.records.database.hot_transaction import Job, T
from holdfast.records.database.postgres.pool import PostgresConnection, PostgresPool
from holdfast.records.database.postgres.transaction import HotPostgresTransaction, translate, unreachable

POOL_SIZE = 8
MAX_SECONDS = 20.0
"""A job takes milliseconds. A server that is gone without a word is noticed after this time, including the wait for a connection."""
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITE = "BEGIN"
# Batches join their rows with a table by its key. No plan may read the whole table.
_BATCH_PLANS: tuple[LiteralString, ...] = (
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    # A plan that was made while the table was small would be kept until its statistics change.
    "SET plan_cache_mode = force_custom_plan",
)

_log = structlog.get_logger(__name__)


class PostgresHotPath:
    """Runs jobs on connections with the driver's `arguments`; `shown` is the server's address for the log, without its password."""

    def __init__(self, arguments: Mapping[str, Any], *, shown: str, max_seconds: float = MAX_SECONDS) -> None:
        self._shown = shown
        self._max_seconds = max_seconds
        self._pool = PostgresPool(arguments, size=POOL_SIZE)
        self._batch_pool = PostgresPool(arguments, size=1, prepare=_BATCH_PLANS)
        self._queue: deque[tuple[Job[Any], asyncio.Future[Any], str | None]] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def read(self, job: Job[T], *, one_statement: bool) -> T:
        return await self._run(self._pool, job, None if one_statement else _READ)

    async def write(self, job: Job[T], *, one_statement: bool) -> T:
        return await self._run(self._pool, job, None if one_statement else _WRITE)

    def submit(self, job: Job[T], *, one_statement: bool) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.append((job, future, None if one_statement else _WRITE))
        if self._worker is None:
            # Without the caller's context: the task serves all callers.
            self._worker = loop.create_task(self._run_queued(), context=contextvars.Context())
        return future

    def turn(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def close(self) -> None:
        while self._worker is not None:
            await asyncio.wait([self._worker])
        await self._pool.discard_idle()
        await self._batch_pool.discard_idle()

    async def _run_queued(self) -> None:
        while self._queue:
            job, future, begin = self._queue.popleft()
            if future.done():
                continue
            try:
                result = await self._run(self._batch_pool, job, begin)
            except Exception as error:
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)
        self._worker = None

    async def _run(self, pool: PostgresPool, job: Job[T], begin: str | None) -> T:
        try:
            async with asyncio.timeout(self._max_seconds):
                return await self._run_to_end(pool, job, begin)
        except TimeoutError as error:
            _log.error("database_unreachable", database=self._shown, reason=f"no answer for {self._max_seconds:g} seconds")
            raise unreachable() from error

    async def _run_to_end(self, pool: PostgresPool, job: Job[T], begin: str | None) -> T:
        connection = await self._begin(pool, begin)
        try:
            result = await job(HotPostgresTransaction(connection))
            if begin is not None:
                await _commit(connection)
        except Exception:
            await self._roll_back(pool, connection)
            raise
        except BaseException:
            # Cancelled: a statement may still run. The server rolls back when the connection ends.
            await pool.discard(connection)
            raise
        pool.release(connection)
        return result

    async def _begin(self, pool: PostgresPool, begin: str | None) -> PostgresConnection:
        """A connection on which the transaction has begun. Raises DatabaseError (`database_unreachable`)."""
        fresh = False
        while True:
            try:
                connection = await pool.acquire(fresh=fresh)
            except psycopg.OperationalError as error:
                _log.error("database_unreachable", database=self._shown, reason=str(error).partition("\n")[0])
                raise unreachable() from error
            try:
                if begin is not None:
                    await connection.execute(begin)
                return connection
            except psycopg.Error as error:
                await pool.discard(connection)
                # The server ended an idle connection, and nothing was executed: a new connection may try again.
                if fresh:
                    raise unreachable() from error
                fresh = True
            except BaseException:
                await pool.discard(connection)
                raise

    async def _roll_back(self, pool: PostgresPool, connection: PostgresConnection) -> None:
        try:
            await connection.execute("ROLLBACK")
        except BaseException as error:
            await pool.discard(connection)
            if not isinstance(error, psycopg.Error):
                raise
        else:
            pool.release(connection)


async def _commit(connection: PostgresConnection) -> None:
    try:
        ended = await connection.execute("COMMIT")
    except psycopg.Error as error:
        raise translate(error, "COMMIT", connection) from error
    if ended.statusmessage != "COMMIT":
        # The server turns the commit of a transaction in which a statement failed into a rollback.
        raise RuntimeError("a job of the database went on after one of its statements had failed")
