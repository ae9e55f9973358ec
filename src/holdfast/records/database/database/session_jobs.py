"""The hot path of a database in memory, which only SQLAlchemy's connection can reach: jobs run in sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_sessionmaker

from holdfast.records.database.hot_transaction import NO_PARAMS, Job, T
from holdfast.records.database.prepared import Prepared, Row
from holdfast.records.database.sqlite.write_lock import WriteLock


class SessionHotPath:
    """Runs each job in a session of its own, one at a time."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], transactions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self._transactions = transactions
        self._lock = WriteLock(None)

    async def read(self, job: Job[T], *, one_statement: bool) -> T:
        async with self._sessions() as session:
            return await job(SessionTransaction(await session.connection()))

    async def write(self, job: Job[T], *, one_statement: bool) -> T:
        async with self._lock.turn(), self._transactions() as session, session.begin():
            return await job(SessionTransaction(await session.connection()))

    def submit(self, job: Job[T], *, one_statement: bool) -> asyncio.Future[T]:
        return asyncio.ensure_future(self.write(job, one_statement=one_statement))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        async with self._lock.turn():
            yield

    async def close(self) -> None:
        """Nothing to close: the engine has the connection."""


class SessionTransaction:
    """A HotTransaction on the connection of a session, which begins and ends the transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.changed = 0
        self._connection = connection

    async def execute(self, statement: Prepared, params: Mapping[str, Any] = NO_PARAMS) -> list[Row]:
        compiled = statement.sqlite
        result = await self._connection.exec_driver_sql(compiled.sql, tuple(compiled.bind(params)))
        fetched = [tuple(row) for row in result] if result.returns_rows else []
        self.changed = result.rowcount
        return compiled.rows(fetched)

    async def execute_many(self, statement: Prepared, rows: Sequence[Mapping[str, Any]]) -> None:
        compiled = statement.sqlite
        result = await self._connection.exec_driver_sql(compiled.sql, [tuple(compiled.bind(row)) for row in rows])
        self.changed = result.rowcount
