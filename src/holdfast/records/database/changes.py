"""Telling, inside one process, that rows of a table were written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.pool import ConnectionPoolEntry

from holdfast.records.database.database import Database

_READING = ("SELECT", "BEGIN", "PRAGMA")


def tell_changes(db: Database, tables: Iterable[str], told: Callable[[], None]) -> None:
    """Calls `told` whenever a transaction of `db` that wrote to one of the tables has ended, before the block of the transaction does.

    By then, whoever reads sees what was written. A rollback is told too. What other processes write is not seen.
    """
    names, mark = tuple(tables), object()

    def executed(connection: Connection, cursor: Any, statement: str, *more: Any) -> None:
        if not statement.lstrip()[:6].upper().startswith(_READING) and any(name in statement for name in names):
            connection.info[mark] = True

    def returned(connection: Any, entry: ConnectionPoolEntry) -> None:
        if entry.info.pop(mark, False):
            told()

    event.listen(db.sync_engine, "before_cursor_execute", executed)
    event.listen(db.sync_engine, "checkin", returned)
