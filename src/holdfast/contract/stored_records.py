"""The records that extensions store, as commands and the REST API exchange them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct


class StoredRecord(Struct, frozen=True, kw_only=True, rename="camel"):
    """A record. `value` is any JSON; null in a list without values. A guest's value is base64 text, and its `metadata` says so."""

    namespace: str
    key: str
    revision: int
    value: Any = None
    metadata: dict[str, Any] = {}
    ttl_expires_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


class StoredRecords(Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of records in the order of their keys; `next_cursor` is null on the last one."""

    items: list[StoredRecord]
    next_cursor: str | None = None
