"""The one writer of a process: runs the queued jobs of the hot path in batches, each batch in one transaction.

                submit                  next turn of the loop
    (idle) ───────────────► scheduled ─────────────────────────┬───────────────► running
      ▲                        ▲                 lock is free  │                    │  BEGIN IMMEDIATE
      │                        │                               │ lock is taken      │  each job in a savepoint
      │                        │ queue not empty               ▼                    │  COMMIT
      │                        │                            waiting ───────────────►│
      │ queue empty            │                            (a task polls)          ▼
      └────────────────────────┴──────────────────────────────────────────────── committed
                                                                             results go to the callers

Everything runs on the thread of the event loop and takes microseconds, for a commit only writes to the page cache: it survives the death of
any process. With `durable`, commits survive a loss of power: they wait for the disk, in another thread, while the next batch collects.

A job that raises is rolled back alone. When the transaction as a whole fails (a full disk, a file that is gone), every job of the batch
gets its error; nothing is half done, and the next batch starts afresh. A job whose caller was cancelled is dropped unless it has started.
"""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from holdfast.records.database.hot_transaction import Job, T
from holdfast.records.database.sqlite.connection import HotConnection, run_job
from holdfast.records.database.sqlite.errors import database_error, is_busy, translate
from holdfast.records.database.sqlite.write_lock import WriteLock, poll

# A batch leaves the event loop to others after this time; what is left is the next batch.
_MAX_BATCH_SECONDS = 0.005

_Queued = tuple[Job[Any], "asyncio.Future[Any]"]
_Outcome = tuple["asyncio.Future[Any]", Any, Exception | None]


class SqliteWriter:
    """Runs jobs on a connection of its own, under `lock`. `committed` is called after each commit."""

    def __init__(self, file: str, lock: WriteLock, *, durable: bool, committed: Callable[[], None]) -> None:
        self._connection = HotConnection(
            # The checkpointer copies the log into the database; a commit never does, because it runs on the event loop.
            file,
            pragmas=(f"synchronous={'FULL' if durable else 'NORMAL'}", "wal_autocheckpoint=0"),
        )
        self._lock = lock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="holdfast-commit") if durable else None
        self._committed = committed
        self._queue: deque[_Queued] = deque()
        self._begun: sqlite3.Connection | None = None
        self._scheduled = False
        self._task: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self.commits = 0
        """How many batches were committed."""

    def submit(self, job: Job[T]) -> asyncio.Future[T]:
        """Queues a job. The future has its result once that is committed, or its error; cancelling it drops a job that has not started.

        Raises DatabaseError (`database_busy`) inside a transaction of the same task.
        """
        self._lock.check_not_nested()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.append((job, future))
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._start)
        return future

    async def close(self) -> None:
        """Completes what is queued and closes the connection."""
        if self._scheduled:
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained
        if self._thread is not None:
            self._thread.shutdown()
        self._connection.close()

    def _start(self) -> None:
        """Runs the batch now if no one else writes; otherwise a task waits for the lock."""
        try:
            acquired = self._lock.try_acquire()
        except Exception as error:
            self._fail_queued(error)
            return
        if acquired and self._begin():
            self._run()
            return
        # Without the caller's context: the task serves all callers.
        self._task = asyncio.get_running_loop().create_task(self._wait_and_run(acquired=acquired), context=contextvars.Context())

    async def _wait_and_run(self, *, acquired: bool) -> None:
        try:
            if not acquired:
                await self._lock.acquire()
            try:
                await poll(self._begin_or_raise, time.monotonic() + self._lock.max_wait_seconds)
            except BaseException:
                self._lock.release()
                raise
        except Exception as error:
            self._fail_queued(error)
        else:
            self._run()

    def _begin(self) -> bool:
        """Begins the transaction; false when that has to be tried again, or fails with an error that the next attempt will report."""
        try:
            return self._begin_or_raise()
        except Exception:
            return False

    def _begin_or_raise(self) -> bool:
        """Begins the transaction; false while another program has the lock of SQLite. Raises DatabaseError, sqlite3.Error."""
        try:
            self._begun = self._connection.open()
            self._begun.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if is_busy(error):
                return False
            raise translate(error, "BEGIN IMMEDIATE") from error
        return True

    def _run(self) -> None:
        connection = self._begun
        assert connection is not None
        outcomes: list[_Outcome] = []
        failed = self._run_jobs(connection, outcomes)
        if failed is not None:
            self._end(connection, outcomes, failed)
        elif self._thread is not None:
            # The thread has the connection for itself: the next batch begins after it.
            commit = asyncio.get_running_loop().run_in_executor(self._thread, _commit, connection)
            commit.add_done_callback(lambda done: self._end(connection, outcomes, done.result()))
        else:
            self._end(connection, outcomes, _commit(connection))

    def _run_jobs(self, connection: sqlite3.Connection, outcomes: list[_Outcome]) -> Exception | None:
        """Runs queued jobs for as long as a batch may take. The error is that of a transaction which is lost as a whole."""
        until = time.monotonic() + _MAX_BATCH_SECONDS
        queue = self._queue
        while queue and (not outcomes or time.monotonic() < until):
            job, future = queue.popleft()
            if future.done():
                continue
            alone = not outcomes and not queue
            try:
                if not alone:
                    connection.execute("SAVEPOINT job")
                result, error = run_job(job, connection), None
            except BaseException as raised:
                result, error = None, raised if isinstance(raised, Exception) else RuntimeError(f"a job of the database raised {raised!r}")
            outcomes.append((future, result, error))
            try:
                # Alone, there is nothing else that a rollback of the whole would harm.
                if error is not None:
                    connection.execute("ROLLBACK" if alone else "ROLLBACK TO job")
                if not alone:
                    connection.execute("RELEASE job")
            except sqlite3.Error as lost:
                # Some errors, such as a full disk, end the whole transaction by themselves.
                return error or translate(lost, "RELEASE job")
        return None

    def _end(self, connection: sqlite3.Connection, outcomes: list[_Outcome], failed: Exception | None) -> None:
        """Releases the lock, hands out the results and starts the next batch."""
        if failed is not None:
            _rollback(connection)
        else:
            self.commits += 1
        self._lock.release()
        for future, result, error in outcomes:
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            elif failed is not None:
                future.set_exception(database_error(failed.__cause__) or failed)
            else:
                future.set_result(result)
        if failed is None:
            self._committed()
        self._next()

    def _fail_queued(self, error: Exception) -> None:
        """The database cannot be written to: every caller that waits gets the error. The next job tries again."""
        failed, self._queue = self._queue, deque()
        for _, future in failed:
            if not future.done():
                future.set_exception(error)
        self._next()

    def _next(self) -> None:
        self._scheduled = bool(self._queue)
        if self._scheduled:
            asyncio.get_running_loop().call_soon(self._start)
        elif self._drained is not None and not self._drained.done():
            self._drained.set_result(None)


def _commit(connection: sqlite3.Connection) -> Exception | None:
    # A job that ran alone and failed has ended the transaction.
    if not connection.in_transaction:
        return None
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        translated = translate(error, "COMMIT")
        translated.__cause__ = error
        return translated
    return None


def _rollback(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
