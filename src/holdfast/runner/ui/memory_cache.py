"""Bytes in memory, within a bound, each computed once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable
from typing import Any

from cachetools import LRUCache

from holdfast.concurrency.single_flight import SingleFlight

CAPACITY_BYTES = 64 * 1024 * 1024
_OVERHEAD_BYTES = 256
"""What an entry costs in addition to its bytes, roughly."""


class MemoryCache:
    """Bytes by key; beyond `capacity` bytes in all, those unused for longest are dropped. Belongs to one event loop."""

    def __init__(self, capacity: int = CAPACITY_BYTES) -> None:
        self._entries: LRUCache[Hashable, bytes] = LRUCache(capacity, getsizeof=_size)
        self._computations: SingleFlight[Hashable, bytes] = SingleFlight("compute bytes for the memory cache")

    def peek(self, key: Hashable) -> bytes | None:
        """The bytes of the key if they are in memory; this counts as a use."""
        found: bytes | None = self._entries.get(key)
        return found

    async def get(self, key: Hashable, compute: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        """The bytes of the key, else what `compute` returns, which runs once for all callers at the same time.

        Raises what `compute` raises; the next call then computes again. Bytes larger than the whole capacity are not stored.
        """
        found = self.peek(key)
        return found if found is not None else await self._computations.run(key, lambda: self._compute(key, compute))

    @property
    def size(self) -> int:
        """Bytes of all entries, with their overhead."""
        return int(self._entries.currsize)

    async def _compute(self, key: Hashable, compute: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        computed = await compute()
        if _size(computed) <= self._entries.maxsize:
            self._entries[key] = computed
        return computed


def _size(entry: bytes) -> int:
    return len(entry) + _OVERHEAD_BYTES
