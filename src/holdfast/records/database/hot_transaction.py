"""The interface of the hot path: short jobs that execute prepared statements, without a session of the ORM."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from holdfast.records.database.prepared import Prepared, Row

T = TypeVar("T")

NO_PARAMS: Mapping[str, Any] = {}


class HotTransaction(Protocol):
    """The transaction of one job. Errors of the database are SQLAlchemy's, such as IntegrityError."""

    changed: int
    """How many rows the last statement inserted, updated or deleted. Undefined after one that returns rows: count those."""

    async def execute(self, statement: Prepared, params: Mapping[str, Any] = NO_PARAMS) -> list[Row]:
        """Executes a statement and returns its rows: none for one that returns no rows."""
        ...

    async def execute_many(self, statement: Prepared, rows: Sequence[Mapping[str, Any]]) -> None:
        """Executes a statement, which returns no rows, once for each of `rows`."""
        ...


Job = Callable[[HotTransaction], Coroutine[Any, Any, T]]
"""A job awaits nothing but its transaction: on SQLite all jobs of a process share one connection."""


class HotPath(Protocol):
    """How a database runs jobs."""

    async def read(self, job: Job[T], *, one_statement: bool) -> T:
        """The result of a job that only reads: all its statements see one state."""
        ...

    async def write(self, job: Job[T], *, one_statement: bool) -> T:
        """The result of a job, once what it wrote is durable."""
        ...

    def submit(self, job: Job[T], *, one_statement: bool) -> asyncio.Future[T]:
        """Queues a job that writes, for callers that batch their work: one of them runs at a time."""
        ...

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Where writers take turns, holds the turn during the block."""
        ...

    async def close(self) -> None:
        """Completes what is queued and closes the connections."""
        ...
