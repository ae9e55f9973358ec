"""Limits how many calls run at once."""

from __future__ import annotations

import asyncio
from collections import deque


class CallSlots:
    """A fixed number of slots, granted in order of arrival.

    A call acquires a free slot without entering a coroutine, which `asyncio.Semaphore` would require of every call.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[asyncio.Future[None]] = deque()

    def try_acquire(self) -> bool:
        """Acquires a slot if one is free and no call waits for one. Returns whether it did."""
        if self._free == 0 or self._waiting:
            return False
        self._free -= 1
        return True

    async def acquire(self, seconds: float) -> bool:
        """Waits in line for a slot. Returns False when none became free in time."""
        slot: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(slot)
        try:
            await asyncio.wait_for(asyncio.shield(slot), seconds)
        except BaseException as reason:
            if slot.done():
                self.release()  # granted at the same moment: pass it to the next in line
            else:
                self._waiting.remove(slot)
            if isinstance(reason, TimeoutError):
                return False
            raise
        return True

    def release(self) -> None:
        """Releases a slot, to the first in line if there is one."""
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._free += 1
