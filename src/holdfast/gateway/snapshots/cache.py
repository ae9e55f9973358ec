"""A bounded cache of values that were read from the database, each with the stamp of the change feed that was read before it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from msgspec import Struct

from holdfast.records.changes.feed import Stamp

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Snapshot(Struct, Generic[V], frozen=True):
    """A value, and the stamp that its tenant had before it was read. Without a stamp it is for the present call only."""

    value: V
    stamp: Stamp | None


class SnapshotCache(Generic[K, V]):
    """Drops what was unused for longest beyond `max_entries`, or beyond `max_bytes` of what callers say that entries need."""

    def __init__(self, *, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[K, tuple[Snapshot[V], int]] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> Snapshot[V] | None:
        """The snapshot of a key, whose stamp the caller compares."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: K, snapshot: Snapshot[V], size: int) -> None:
        """Stores a snapshot of about `size` bytes, unless it alone is too large."""
        self.drop(key)
        if size > self._max_bytes:
            return
        self._entries[key] = snapshot, size
        self.bytes += size
        while len(self._entries) > self._max_entries or self.bytes > self._max_bytes:
            self.drop(next(iter(self._entries)))

    def drop(self, key: K) -> None:
        """Removes the snapshot of a key; no effect without one."""
        dropped = self._entries.pop(key, None)
        if dropped is not None:
            self.bytes -= dropped[1]
