"""Calls that are there at the same time go through each phase one after the other, and not each through all phases."""

from __future__ import annotations

import asyncio
import time

SLOW_SECONDS, SECONDS_A_CALL, SLOW_IN_A_ROW = 0.004, 0.0005, 3
"""What takes longer is beside guests that compute, who are not to delay others more often than they must; once alone is a busy machine."""

REST_SECONDS = 0.5
TURNS = 3
"""For so many turns of the loop at most the first waits for the last."""

_now = time.perf_counter


class Turns:
    """Lets calls begin together what each would begin alone. Belongs to one event loop.

    A guest's instance fills the processor's caches, and what comes between two guests begins with none of its own code or data in them.
    When sixteen requests are read before their sixteen guests run, and answered after, only the first of each phase does, and a call
    takes a quarter less time. A call that is alone loses two empty turns of the loop, some microseconds.
    """

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []
        self._since = 0.0
        self._slow = 0
        self._rest_until = 0.0

    async def gather(self) -> None:
        """To be awaited before a guest runs: waits for calls whose requests have come by now, as long as each turn brings more of them."""
        if _now() < self._rest_until:
            return
        loop = asyncio.get_running_loop()
        place = loop.create_future()
        self._waiting.append(place)
        if len(self._waiting) == 1:
            self._since = _now()
            loop.call_soon(self._look, 1, TURNS)
        await place

    async def settle(self) -> None:
        """To be awaited when a guest has run: those that are ready run theirs before anything is answered."""
        if _now() >= self._rest_until:
            await asyncio.sleep(0)

    def _look(self, before: int, turns: int) -> None:
        count = len(self._waiting)
        if count != before and turns > 1:
            asyncio.get_running_loop().call_soon(self._look, count, turns - 1)
            return
        waiting, self._waiting = self._waiting, []
        for place in waiting:
            if not place.done():
                place.set_result(None)
        self._judge(count)

    def _judge(self, count: int) -> None:
        now = _now()
        self._slow = self._slow + 1 if now - self._since > SLOW_SECONDS + SECONDS_A_CALL * count else 0
        if self._slow == SLOW_IN_A_ROW:
            self._slow, self._rest_until = 0, now + REST_SECONDS
