"""The hot path of an SQLite file: its one writer, its reader, and the lock that they share with transactions of the ORM."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from holdfast.records.database.hot_transaction import Job, T
from holdfast.records.database.sqlite.checkpoints import Checkpointer
from holdfast.records.database.sqlite.reader import SqliteReader
from holdfast.records.database.sqlite.write_lock import MAX_WAIT_SECONDS, WriteLock
from holdfast.records.database.sqlite.writer import SqliteWriter


class SqliteHotPath:
    """Opens nothing until it is used. `durable`: commits survive a loss of power. Writers wait `max_wait_seconds` for the lock at most."""

    def __init__(self, file: str, *, durable: bool, max_wait_seconds: float = MAX_WAIT_SECONDS) -> None:
        self._lock = WriteLock(file, max_wait_seconds=max_wait_seconds)
        self._checkpointer = Checkpointer(file, self._lock)
        self._reader = SqliteReader(file)
        self.writer = SqliteWriter(file, self._lock, durable=durable, committed=self._checkpointer.committed)

    async def read(self, job: Job[T], *, one_statement: bool) -> T:
        return await self._reader.read(job, one_statement=one_statement)

    async def write(self, job: Job[T], *, one_statement: bool = False) -> T:
        return await self.writer.submit(job)

    def submit(self, job: Job[T], *, one_statement: bool) -> asyncio.Future[T]:
        return self.writer.submit(job)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Holds the write lock during the block, for a transaction of the ORM."""
        async with self._lock.turn():
            yield
        self._checkpointer.committed()

    async def close(self) -> None:
        """Completes what is queued and closes the connections."""
        await self.writer.close()
        await self._checkpointer.close()
        self._reader.close()
        self._lock.close()
