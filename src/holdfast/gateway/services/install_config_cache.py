"""Caches encoded install configurations for half a second, so that a revocation made by another process takes effect within one.

get_or_read(key) --- fresh entry ----------------------------------> entry
     |
     +-- missing or older than 0.5 s --> read() --+-- no write meanwhile --> store, return
                                                  +-- a write meanwhile ---> return only

a write by this process --> count it, drop all entries
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from holdfast.records.database.database import Database
from holdfast.records.database.table_changes import watch_tables

SECONDS = 0.5
MAX_ENTRIES = 4_096
MAX_BYTES = 32 * 1024 * 1024
# The tables that a configuration is read from. Deleting a tenant deletes its installs.
_TABLES = ("tenant_extension_install", "extension_registry", "extension_version", "extension_bundle", "tenants")

Key = tuple[str, str]


class InstallConfigCache:
    """Encoded configurations by tenant and extension, both as the request spells them.

    The age of an entry counts from before it was read. Any write by this process to one of the tables drops all entries. `clock` returns
    seconds and never goes back.
    """

    def __init__(self, db: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[Key, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0
        self._writes = 0
        watch_tables(db, _TABLES, self._drop_all)

    async def get_or_read(self, key: Key, read: Callable[[], Awaitable[bytes]]) -> bytes:
        """The cached configuration, or the result of `read`, which is then cached. An exception of `read` is not cached."""
        started, writes = self._clock(), self._writes
        entry = self._entries.get(key)
        if entry is not None and started - entry[0] < SECONDS:
            return entry[1]
        config = await read()
        # If a write came between, the result may be the old state; storing it would give that state a new date.
        if writes == self._writes:
            self._store(key, started, config)
        return config

    def _store(self, key: Key, started: float, config: bytes) -> None:
        self._drop(key)
        self._entries[key] = started, config
        self._bytes += len(config)
        while len(self._entries) > MAX_ENTRIES or self._bytes > MAX_BYTES:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Key) -> None:
        dropped = self._entries.pop(key, None)
        if dropped is not None:
            self._bytes -= len(dropped[1])

    def _drop_all(self) -> None:
        self._writes += 1
        self._entries.clear()
        self._bytes = 0
