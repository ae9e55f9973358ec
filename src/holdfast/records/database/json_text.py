"""How JSON documents are written to and read from the database."""

from __future__ import annotations

import re
from typing import Any

import msgspec

decode_json = msgspec.json.decode

REPLACEMENT = "\ufffd"
"""What Postgres stores for the character NUL, which it cannot store."""

# A \u0000 that is an escape: it follows an even number of backslashes.
_ESCAPED = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def encode_json(value: Any) -> str:
    """The JSON text of a value."""
    return msgspec.json.encode(value).decode()


def encode_json_for_postgres(value: Any) -> str:
    """The JSON text of a value, without NUL, which Postgres cannot store."""
    return _replace_nul(encode_json(value))


def _replace_nul(document: str) -> str:
    """A JSON document with every NUL in its strings replaced."""
    return _ESCAPED.sub(rf"\1{REPLACEMENT}", document) if "\\u0000" in document else document
