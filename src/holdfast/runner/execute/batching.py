"""Calls that arrive together go through each phase together: all are read, then all guests run, then all are responded to.

                 before_guest                        after_guest
    call 1  read ──▶│ waits                            run ──▶│ yields once          respond
    call 2  read ──▶│ waits   until a loop iteration   run ──▶│ yields once          respond
    call 3  read ──▶│ waits   adds no new call         run ──▶│ yields once          respond

    batching ──3 slow batches in a row──▶ resting (no call waits) ──0.5 s──▶ batching

A guest's instance fills the processor's caches, and what runs between two guests starts with none of its own code or data in them. When
sixteen requests are read before their sixteen guests run, and responded to after, only the first of each phase starts cold: a call takes a
quarter less time. A call that is alone loses two empty iterations of the loop, some microseconds.
"""

from __future__ import annotations

import asyncio
import time

SLOW_SECONDS, SECONDS_PER_CALL, SLOW_IN_A_ROW = 0.004, 0.0005, 3
"""A batch that takes longer runs next to guests that compute, which should not delay other calls more often than they must. One slow
batch alone only shows that the machine is busy."""

REST_SECONDS = 0.5
MAX_ITERATIONS = 3
"""The first call waits at most this many iterations of the loop for the last."""

_now = time.perf_counter


class CallBatcher:
    """Groups calls that arrive together, so that each phase runs for all of them before the next. Belongs to one event loop."""

    def __init__(self, *, enabled: bool = True) -> None:
        """Without `enabled`, no call ever waits."""
        self._waiting: list[asyncio.Future[None]] = []
        self._since = 0.0
        self._slow = 0
        self._rest_until = 0.0 if enabled else float("inf")

    async def before_guest(self) -> None:
        """Waits for calls whose requests have arrived by now, as long as each iteration of the loop adds more of them."""
        if _now() < self._rest_until:
            return
        loop = asyncio.get_running_loop()
        resume = loop.create_future()
        self._waiting.append(resume)
        if len(self._waiting) == 1:
            self._since = _now()
            loop.call_soon(self._continue_when_complete, 1, MAX_ITERATIONS)
        await resume

    async def after_guest(self) -> None:
        """Lets the other calls of the batch run their guests before any of them is responded to."""
        if _now() >= self._rest_until:
            await asyncio.sleep(0)

    def _continue_when_complete(self, before: int, iterations: int) -> None:
        count = len(self._waiting)
        if count != before and iterations > 1:
            asyncio.get_running_loop().call_soon(self._continue_when_complete, count, iterations - 1)
            return
        waiting, self._waiting = self._waiting, []
        for resume in waiting:
            if not resume.done():  # cancelled while it waited
                resume.set_result(None)
        self._rest_if_slow(count)

    def _rest_if_slow(self, count: int) -> None:
        now = _now()
        self._slow = self._slow + 1 if now - self._since > SLOW_SECONDS + SECONDS_PER_CALL * count else 0
        if self._slow == SLOW_IN_A_ROW:
            self._slow, self._rest_until = 0, now + REST_SECONDS
