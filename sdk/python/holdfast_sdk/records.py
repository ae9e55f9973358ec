"""The values that host functions return."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One stored value. `revision` increases with every write of its key."""

    namespace: str
    key: str
    value: bytes
    revision: int | None = None

    def json(self) -> Any:
        """The value parsed as JSON. Raises ValueError when it is not JSON."""
        return json.loads(self.value)


@dataclass(frozen=True)
class User:
    """The user who made the call. `user_type` is `internal` or `client`."""

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
    """The response of another server."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def text(self) -> str:
        """The body decoded as UTF-8; malformed bytes are replaced."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body parsed as JSON. Raises ValueError when it is not JSON."""
        return json.loads(self.body)
