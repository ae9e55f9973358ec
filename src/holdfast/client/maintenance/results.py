"""What maintenance returns: plain data, which commands on a running platform import without the database."""

from __future__ import annotations

from msgspec import Struct


class MigrationReport(Struct, frozen=True, kw_only=True):
    """The database without its password, the revision it was at (None: it had no tables), and the one it is at now."""

    database: str
    before: str | None
    after: str


class RotationReport(Struct, frozen=True, kw_only=True):
    """Numbers of installs; `unreadable` are the ids of those whose secrets could not be decrypted. `added_key` is the id of a new key in
    `key_file`, `dropped_keys` how many old ones were removed from it."""

    resealed: int
    newest_already: int
    unreadable: list[str]
    dropped_keys: int = 0
    added_key: str | None = None
    key_file: str | None = None
