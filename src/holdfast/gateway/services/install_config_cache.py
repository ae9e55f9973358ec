"""Answers of install-config, kept for half a second: what is revoked elsewhere is seen within one."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from holdfast.records.database.changes import tell_changes
from holdfast.records.database.database import Database

SECONDS = 0.5
MAX_ENTRIES = 4_096
MAX_BYTES = 32 * 1024 * 1024
# What an answer is made of. A tenant's end takes its installs along.
_TABLES = ("tenant_extension_install", "extension_registry", "extension_version", "extension_bundle", "tenants")

Key = tuple[str, str]


class InstallConfigCache:
    """Encoded answers by tenant and extension, as both were written by who asked.

    An entry's age counts from before it was read. What this process writes drops everything at once. `clock` never goes back.
    """

    def __init__(self, db: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[Key, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0
        self._changes = 0
        tell_changes(db, _TABLES, self._drop_all)

    async def answer(self, key: Key, read: Callable[[], Awaitable[bytes]]) -> bytes:
        """The kept answer, or what `read` gives, which is then kept. What it raises is not kept."""
        asked, changes = self._clock(), self._changes
        kept = self._entries.get(key)
        if kept is not None and asked - kept[0] < SECONDS:
            return kept[1]
        answer = await read()
        # Read before a change and kept after it, it would be the old state with a new date.
        if changes == self._changes:
            self._keep(key, asked, answer)
        return answer

    def _keep(self, key: Key, asked: float, answer: bytes) -> None:
        self._forget(key)
        self._entries[key] = asked, answer
        self._bytes += len(answer)
        while len(self._entries) > MAX_ENTRIES or self._bytes > MAX_BYTES:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: Key) -> None:
        forgotten = self._entries.pop(key, None)
        if forgotten is not None:
            self._bytes -= len(forgotten[1])

    def _drop_all(self) -> None:
        self._changes += 1
        self._entries.clear()
        self._bytes = 0
