"""What an error of SQLite means for callers."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from holdfast.records.database.errors import DatabaseError

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_BROKEN = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def is_busy(error: BaseException) -> bool:
    """Whether another connection holds a lock that the statement needs. Such a statement had no effect."""
    return isinstance(error, sqlite3.OperationalError) and _primary_code(error) in _BUSY


def database_error(error: BaseException | None) -> DatabaseError | None:
    """The error for a database that cannot be used at the moment, or None for an error of a single statement."""
    code = _primary_code(error) if isinstance(error, sqlite3.Error) else None
    if code in _BUSY:
        return DatabaseError("database_busy", "Another program locks the database.", hint="Try again in a moment.")
    if code == sqlite3.SQLITE_FULL:
        return DatabaseError("database_full", "The disk of the database is full.", hint="Free space on it; nothing was written.")
    if code in _BROKEN:
        return DatabaseError("database_unreachable", f"The database file cannot be used: {error}.", hint="Check the file and its folder.")
    return None


def missing_file(file: str) -> DatabaseError:
    """The error for a database file that was removed or replaced while it was open."""
    return DatabaseError(
        "database_unreachable", f"The database file {file} was removed or replaced.", hint="Restore it; Holdfast opens it again by itself."
    )


def translate(error: sqlite3.Error, statement: str) -> Exception:
    """The error that a job sees: DatabaseError for the database as a whole, else SQLAlchemy's error, such as IntegrityError."""
    known = database_error(error)
    if known is not None:
        return known
    return DBAPIError.instance(statement, None, error, sqlite3.Error, hide_parameters=True)


def _primary_code(error: sqlite3.Error) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    # The upper bytes of an extended code tell more about the same error.
    return code & 0xFF if isinstance(code, int) else None
