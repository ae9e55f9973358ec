"""Text for Postgres, which cannot store the character NUL: it is replaced by U+FFFD, the replacement character."""

from __future__ import annotations

import re
from typing import Any

from psycopg.abc import Buffer
from psycopg.types.string import StrDumperUnknown
from sqlalchemy.pool import ConnectionPoolEntry

_REPLACEMENT = "\ufffd"
# A \u0000 that is an escape: it follows an even number of backslashes.
_ESCAPED = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class TextDumper(StrDumperUnknown):
    """Sends a string. Callers that must store text unchanged reject NUL before."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\x00", _REPLACEMENT))


def replace_nul(document: str) -> str:
    """A JSON document with every NUL in its strings replaced."""
    return _ESCAPED.sub(rf"\1{_REPLACEMENT}", document) if "\\u0000" in document else document


def prepare_postgres(connection: Any, entry: ConnectionPoolEntry) -> None:
    """Registers the dumper for a new connection."""
    connection.driver_connection.adapters.register_dumper(str, TextDumper)
