"""Which scopes of the change feed SQL changes, seen as another program would see it, on either kind of database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from holdfast.records.changes.feed import ANYTHING, CHANNEL
from holdfast.records.database.address import database_address

Run = Callable[[str], set[str]]
"""Runs statements, separated by semicolons, in one transaction. Returns the scopes that changed, without ANYTHING."""


@contextmanager
def watched_sql(url: str) -> Iterator[Run]:
    """Runs SQL like a person at `sqlite3` or `psql`."""
    address = database_address(url)
    if address.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(address.database), isolation_level=None)
        connection.execute("PRAGMA foreign_keys=ON")
        yield lambda sql: _run_sqlite(connection, sql)
        connection.close()
        return
    _, options = address.get_dialect()().create_connect_args(address)
    with psycopg.connect(**options, autocommit=True) as writer, psycopg.connect(**options, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        yield lambda sql: set(notifications(writer, listener, sql))


def notifications(writer: psycopg.Connection, listener: psycopg.Connection, sql: str) -> list[str]:
    """The payloads that the listener gets for the statements."""
    with writer.transaction():
        for statement in sql.split(";"):
            writer.execute(statement)
    # The answer to a statement that is sent after the commit comes after the notifications.
    listener.execute("SELECT 1")
    return [found.payload for found in listener.notifies(timeout=0)]


def _run_sqlite(connection: sqlite3.Connection, sql: str) -> set[str]:
    before = _counters(connection)
    connection.execute("BEGIN")
    for statement in sql.split(";"):
        connection.execute(statement)
    connection.execute("COMMIT")
    after = _counters(connection)
    changed = {scope for scope in after.keys() | before.keys() if after.get(scope) != before.get(scope)}
    assert (ANYTHING in changed) is bool(changed), changed
    return changed - {ANYTHING}


def _counters(connection: sqlite3.Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT scope, counter FROM change_counters").fetchall())
