"""Jobs of the hot path on a connection of SQLAlchemy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.records.database.hot_transaction import NO_PARAMS
from holdfast.records.database.prepared import CompiledStatement, Prepared, Row


class SessionTransaction:
    """A HotTransaction on the connection of a session, which begins and ends the transaction."""

    def __init__(self, connection: AsyncConnection, *, is_sqlite: bool) -> None:
        self.changed = 0
        self._connection = connection
        self._is_sqlite = is_sqlite

    async def execute(self, statement: Prepared, params: Mapping[str, Any] = NO_PARAMS) -> list[Row]:
        compiled = self._compiled(statement)
        result = await self._connection.exec_driver_sql(compiled.sql, tuple(compiled.bind(params)))
        fetched = [tuple(row) for row in result] if result.returns_rows else []
        self.changed = result.rowcount
        return compiled.rows(fetched)

    async def execute_many(self, statement: Prepared, rows: Sequence[Mapping[str, Any]]) -> None:
        compiled = self._compiled(statement)
        result = await self._connection.exec_driver_sql(compiled.sql, [tuple(compiled.bind(row)) for row in rows])
        self.changed = result.rowcount

    def _compiled(self, statement: Prepared) -> CompiledStatement:
        return statement.sqlite if self._is_sqlite else statement.postgres
