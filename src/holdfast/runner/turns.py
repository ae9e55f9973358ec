"""Calls that are there at the same time go through each phase one after the other, and not each through all phases."""

from __future__ import annotations

import asyncio
import time

SLOW_SECONDS, SECONDS_A_CALL, SLOW_IN_A_ROW = 0.004, 0.0005, 3
"""Turns that take longer are beside guests that compute, who are not to delay others more often than they must; one such turn alone is a
busy machine."""

REST_SECONDS = 0.5

_now = time.perf_counter


class Turns:
    """Lets all that is ready catch up with whoever comes to the end of a phase. Belongs to one event loop.

    A guest's instance fills the processor's caches, and what comes between two guests begins with none of its own code or data in them.
    When sixteen requests are read before their sixteen guests run, and answered after, only the first of each phase does: a fifth less
    time for a call. A call alone goes on at once.
    """

    def __init__(self) -> None:
        self._slow = 0
        self._rest_until = 0.0

    async def next(self, running: int) -> None:
        """To be awaited between two phases; `running` is how many calls run, as far as they have begun."""
        started = _now()
        if started < self._rest_until:
            return
        await asyncio.sleep(0)
        ended = _now()
        if ended - started <= SLOW_SECONDS + SECONDS_A_CALL * running:
            self._slow = 0
            return
        self._slow += 1
        if self._slow == SLOW_IN_A_ROW:
            self._slow, self._rest_until = 0, ended + REST_SECONDS
