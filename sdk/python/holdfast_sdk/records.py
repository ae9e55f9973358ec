"""The values that host functions answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One stored value. `revision` counts the writes of its key."""

    namespace: str
    key: str
    value: bytes
    revision: int | None = None

    def json(self) -> Any:
        return json.loads(self.value)


@dataclass(frozen=True)
class User:
    """The person who called. `user_type` is `internal` or `client`."""

    tenant_id: str
    client_name: str
    user_id: str
    user_email: str
    user_name: str
    user_type: str
    client_id: str | None = None
    additional_fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fetched:
    """The answer of another server."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        return json.loads(self.body)
