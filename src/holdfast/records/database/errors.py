"""The errors of a database as a whole. Errors of single statements stay SQLAlchemy's."""

from __future__ import annotations

from typing import ClassVar

from holdfast.errors import CodedError


class DatabaseError(CodedError):
    """Raised when a database cannot be opened or used. The message never holds a password."""

    STATUSES: ClassVar = {
        # Another program has locked it for long.
        "database_busy": 503,
        # Its disk is full.
        "database_full": 503,
        # A later version of Holdfast than this one migrated it.
        "database_newer": 500,
        # Another program made a table or column that a migration makes.
        "database_tables_taken": 500,
        # No server responds, or it denies access.
        "database_unreachable": 503,
        # The address is invalid, or names a kind of database that Holdfast does not support.
        "database_url_unusable": 500,
    }
