"""What goes into storage and what comes out: writes, records and pages of records."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct


class InstallKey(NamedTuple):
    """Whose records: one install of one tenant."""

    tenant_id: str
    install_id: str


class Write(Struct, frozen=True, kw_only=True):
    """One record to write. `if_revision` is the revision it must have now; 0: it must not exist; None: no condition.

    `schema_version` is the version of the namespace's schema that the value has to satisfy; None: the active one, if there is one.
    """

    key: str
    value: Any
    metadata: dict[str, Any] = {}
    ttl_seconds: int | None = None
    if_revision: int | None = None
    schema_version: int | None = None


class Record(Struct, frozen=True, kw_only=True):
    """A stored record. Value and metadata are JSON text: most readers pass them on without looking inside."""

    namespace: str
    key: str
    revision: int
    value_json: str
    metadata_json: str
    value_size: int
    metadata_size: int
    ttl_expires_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def value(self) -> Any:
        return msgspec.json.decode(self.value_json)

    @property
    def metadata(self) -> dict[str, Any]:
        decoded: dict[str, Any] = msgspec.json.decode(self.metadata_json)
        return decoded


class Page(Struct, frozen=True):
    """One page of a listing; `next_cursor` is None on the last."""

    records: list[Record]
    next_cursor: str | None
