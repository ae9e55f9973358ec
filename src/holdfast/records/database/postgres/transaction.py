"""One job of the hot path on a connection of Postgres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError

from holdfast.records.database.errors import DatabaseError
from holdfast.records.database.hot_transaction import NO_PARAMS
from holdfast.records.database.postgres.pool import PostgresConnection
from holdfast.records.database.prepared import Prepared, Row


class HotPostgresTransaction:
    """The HotTransaction of one job. The server prepares each statement once for a connection."""

    __slots__ = ("_cursor", "changed")

    def __init__(self, connection: PostgresConnection) -> None:
        self._cursor = connection.cursor()
        self.changed = 0

    async def execute(self, statement: Prepared, params: Mapping[str, Any] = NO_PARAMS) -> list[Row]:
        compiled = statement.postgres
        cursor = self._cursor
        try:
            await cursor.execute(compiled.sql, compiled.bind(params), prepare=True)
            self.changed = cursor.rowcount
            if cursor.description is None:
                return []
            return compiled.rows(await cursor.fetchall())
        except psycopg.Error as error:
            raise translate(error, compiled.sql, cursor.connection) from error

    async def execute_many(self, statement: Prepared, rows: Sequence[Mapping[str, Any]]) -> None:
        compiled = statement.postgres
        try:
            await self._cursor.executemany(compiled.sql, [compiled.bind(row) for row in rows])
            self.changed = self._cursor.rowcount
        except psycopg.Error as error:
            raise translate(error, compiled.sql, self._cursor.connection) from error


def translate(error: psycopg.Error, statement: str, connection: PostgresConnection | None) -> Exception:
    """The error that a job sees: DatabaseError for a server that is unreachable, else SQLAlchemy's error, such as IntegrityError."""
    if isinstance(error, psycopg.OperationalError) and (connection is None or connection.closed):
        return unreachable()
    return DBAPIError.instance(statement, None, error, psycopg.Error, hide_parameters=True)


def unreachable() -> DatabaseError:
    """The error of a server that does not respond. It never holds its address."""
    return DatabaseError("database_unreachable", "The database does not respond.", hint="Try again in a moment.")
