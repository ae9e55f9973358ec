"""Notifications, inside one process, that rows of a table were written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.pool import ConnectionPoolEntry

from holdfast.records.database.database import Database

_READING = ("SELECT", "BEGIN", "PRAGMA")


def watch_tables(db: Database, tables: Iterable[str], changed: Callable[[], None]) -> None:
    """Calls `changed` after each transaction of `db` that wrote to one of the tables, before the block of the transaction ends.

    A read that starts in `changed` sees what was written. A rollback is reported too. Writes of other processes are not seen.
    """
    names, mark = tuple(tables), object()

    def executed(connection: Connection, cursor: Any, statement: str, *more: Any) -> None:
        if not statement.lstrip()[:6].upper().startswith(_READING) and any(name in statement for name in names):
            connection.info[mark] = True

    def returned(connection: Any, entry: ConnectionPoolEntry) -> None:
        if entry.info.pop(mark, False):
            changed()

    event.listen(db.sync_engine, "before_cursor_execute", executed)
    event.listen(db.sync_engine, "checkin", returned)
