"""What the operations on secrets return: plain data, which commands on a server import without the database."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class SecretsSummary(Struct, frozen=True, kw_only=True):
    """The names of an install's secrets, sorted. `version` changes with every write; None without secrets.

    `key_id` is the id of the key they are sealed with, or the name of Vault's. From `expires_at` on, the extension gets none.
    """

    keys: list[str]
    version: str | None = None
    algorithm: str | None = None
    key_id: str | None = None
    expires_at: datetime | None = None
