"""Text for Postgres, which cannot store the character NUL: it is replaced by U+FFFD, the replacement character."""

from __future__ import annotations

from typing import Any

from psycopg.abc import Buffer
from psycopg.types.string import StrDumperUnknown
from sqlalchemy.pool import ConnectionPoolEntry

from holdfast.records.database.json_text import REPLACEMENT


class TextDumper(StrDumperUnknown):
    """Sends a string. Callers that must store text unchanged reject NUL before."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\x00", REPLACEMENT))


def prepare_postgres(connection: Any, entry: ConnectionPoolEntry) -> None:
    """Registers the dumper for a new connection."""
    connection.driver_connection.adapters.register_dumper(str, TextDumper)
