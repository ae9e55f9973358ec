"""Failure on order: a store and a database that fail at their n-th operation, and a task that is cancelled at its n-th await."""

from __future__ import annotations

import asyncio
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from holdfast.bundles.store.errors import BundleNotFound, BundleStoreUnavailable
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.database import Database
from tests.session.effort import repetitions

T = TypeVar("T")

STRIDE = repetitions(3, long=1)
_MAX_STEPS = 2_000


def steps(*, shift: int = 0) -> range:
    """The steps at which a test makes an operation fail: every third, every single one with HOLDFAST_TEST_LONG=1.

    Tests of the same operation take other steps with another `shift`. A test ends its loop when the operation has no such step any more.
    """
    return range(1 + shift % STRIDE, _MAX_STEPS, STRIDE)


class Failure:
    """Strikes the operation number `at`; `lasting`, all that follow too. `late`: after the operation had its effect, where it has one."""

    def __init__(self, at: int, *, lasting: bool = False, late: bool = False) -> None:
        self.at, self.lasting, self.late = at, lasting, late
        self.count = 0
        self.over = False

    @property
    def happened(self) -> bool:
        """Whether there have been so many operations."""
        return self.count >= self.at

    def is_due(self) -> bool:
        """Counts an operation; whether it is one that fails."""
        if self.over:
            return False
        self.count += 1
        return self.count == self.at or (self.lasting and self.count > self.at)


class FailingStore:
    """A store in which there is failure."""

    def __init__(self, store: BundleStore, failure: Failure) -> None:
        self._store, self._failure = store, failure

    async def put(self, key: str, source: Path) -> None:
        await self._do(lambda: self._store.put(key, source))

    async def delete(self, key: str) -> None:
        await self._do(lambda: self._store.delete(key))

    async def exists(self, key: str) -> bool:
        return await self._do(lambda: self._store.exists(key))

    async def check(self) -> None:
        await self._store.check()

    async def get(self, key: str) -> AsyncGenerator[bytes, None]:
        fails = self._failure.is_due()
        if fails and not self._failure.late:
            raise _down()
        try:
            async with aclosing(self._store.get(key)) as pieces:
                async for piece in pieces:
                    yield piece
        except BundleNotFound:
            if not fails:
                raise
        if fails:
            raise _down()

    async def _do(self, work: Callable[[], Awaitable[T]]) -> T:
        fails = self._failure.is_due()
        if fails and not self._failure.late:
            raise _down()
        result = await work()
        if fails:
            raise _down()
        return result


@contextmanager
def failing(db: Database, failure: Failure) -> Iterator[None]:
    """In the block there is failure in the database: statements and commits fail."""
    engine = db.sync_engine
    commit = engine.dialect.do_commit

    def execute(*_: Any) -> None:
        if failure.is_due():
            raise _lost()

    def do_commit(connection: Any) -> None:
        fails = failure.is_due()
        if fails and not failure.late:
            raise _lost()
        commit(connection)
        if fails:
            raise _lost()

    event.listen(engine, "before_cursor_execute", execute)
    engine.dialect.do_commit = do_commit  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        engine.dialect.do_commit = commit  # type: ignore[method-assign]
        event.remove(engine, "before_cursor_execute", execute)


@contextmanager
def server_ends_at(engine: Engine, at: int) -> Iterator[Callable[[], bool]]:
    """In the block PostgreSQL ends the connection before its statement or commit number `at`. Gives what tells whether it came to that."""
    count = 0

    def before(connection: Connection, *_: Any) -> None:
        nonlocal count
        count += 1
        if count == at:
            ours = connection.connection.driver_connection
            assert ours is not None
            with psycopg.connect(ours.info.dsn, password=ours.info.password, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [ours.info.backend_pid])

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "commit", before)
    try:
        yield lambda: count >= at
    finally:
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "commit", before)


@types.coroutine
def cancelled_at(work: Coroutine[Any, Any, T], at: int) -> Generator[Any, Any, T]:
    """Does the work, and cancels the task that does it when it waits for the time number `at`."""
    waits, thrown = 0, None
    while True:
        try:
            waited_for = work.send(None) if thrown is None else work.throw(thrown)
        except StopIteration as end:
            result: T = end.value
            return result
        waits, thrown = waits + 1, None
        if waits == at:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        try:
            yield waited_for
        except BaseException as error:  # what is thrown in goes on to the work
            thrown = error


def _down() -> BundleStoreUnavailable:
    return BundleStoreUnavailable("The bundle store is down.")


def _lost() -> OperationalError:
    return OperationalError("the statement", None, Exception("the connection was lost"))


@contextmanager
def commit_lost(db: Database, at: int) -> Iterator[Callable[[], bool]]:
    """In the block the commit number `at` takes effect, but its connection is lost before the result arrives.

    Yields a function that returns whether there was such a commit.
    """
    dialect = db.sync_engine.dialect
    commit = dialect.do_commit
    count = 0

    def do_commit(connection: Any) -> None:
        nonlocal count
        count += 1
        commit(connection)
        if count == at:
            raise _lost()

    dialect.do_commit = do_commit  # type: ignore[method-assign,assignment]
    try:
        yield lambda: count >= at
    finally:
        dialect.do_commit = commit  # type: ignore[method-assign]
