"""Bytes that were made once and are kept in memory within a bound."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from weakref import WeakValueDictionary

CAPACITY_BYTES = 64 * 1024 * 1024
_OVERHEAD_BYTES = 256


class KeptBytes:
    """By key; beyond `capacity` bytes in all, what was not used for longest goes. Belongs to one event loop."""

    def __init__(self, capacity: int = CAPACITY_BYTES) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._size = 0
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    def known(self, key: Hashable) -> bytes | None:
        """What is kept under the key, which counts as a use."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    async def get(self, key: Hashable, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """What is kept under the key, else what `make` makes, once however many ask. Raises what `make` raises; then the next one tries."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            found = self.known(key)
            if found is None:
                found = await make()
                self._keep(key, found)
            return found

    @property
    def size(self) -> int:
        """What is kept, in bytes, with what keeping it costs."""
        return self._size

    def _keep(self, key: Hashable, made: bytes) -> None:
        self._kept[key] = made
        self._size += len(made) + _OVERHEAD_BYTES
        while self._size > self._capacity:
            _, gone = self._kept.popitem(last=False)
            self._size -= len(gone) + _OVERHEAD_BYTES
