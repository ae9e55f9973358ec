"""How JSON documents are written to and read from the database."""

from __future__ import annotations

from typing import Any

import msgspec

from holdfast.records.database.postgres.text import replace_nul

decode_json = msgspec.json.decode


def encode_json(value: Any) -> str:
    """The JSON text of a value."""
    return msgspec.json.encode(value).decode()


def encode_json_for_postgres(value: Any) -> str:
    """The JSON text of a value, without NUL, which Postgres cannot store."""
    return replace_nul(encode_json(value))
