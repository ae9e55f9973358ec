"""Text on its way into Postgres, which cannot keep the character NUL: it is kept as U+FFFD, the character for what cannot be shown."""

from __future__ import annotations

import re
from typing import Any

from psycopg.abc import Buffer
from psycopg.types.string import StrDumperUnknown
from sqlalchemy.pool import ConnectionPoolEntry

_REPLACEMENT = "\ufffd"
# A \u0000 that is an escape: an even number of backslashes stands before it.
_ESCAPED = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class TextDumper(StrDumperUnknown):
    """Sends a string. Where it matters that a text stays as it is, NUL is refused before it comes here."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\x00", _REPLACEMENT))


def replace_nul(document: str) -> str:
    """A JSON document with every NUL in its strings replaced."""
    return _ESCAPED.sub(rf"\1{_REPLACEMENT}", document) if "\\u0000" in document else document


def prepare_postgres(connection: Any, entry: ConnectionPoolEntry) -> None:
    """Makes a new connection send text like this."""
    connection.driver_connection.adapters.register_dumper(str, TextDumper)
