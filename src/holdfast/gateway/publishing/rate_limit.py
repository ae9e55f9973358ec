"""How often a tenant may publish: so many requests of a kind in a window that slides, in memory."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from holdfast.gateway.errors import RateLimited

MAX_WINDOWS = 10_000


class SlidingWindows:
    """At most `count` requests of one key in any `seconds`. `clock` returns seconds and never goes back."""

    def __init__(self, *, count: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._seconds = seconds
        self._clock = clock
        self._windows: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def enter(self, tenant_id: str, kind: str) -> None:
        """Counts a request of the tenant. Raises RateLimited, which is not counted."""
        now = self._clock()
        window = self._windows.setdefault((tenant_id, kind), deque())
        self._windows.move_to_end((tenant_id, kind))
        while window and now - window[0] >= self._seconds:
            window.popleft()
        if len(window) >= self._count:
            raise RateLimited(
                f"Your tenant may do this {self._count} times in {self._seconds:g} seconds.",
                retry_after_seconds=max(1, math.ceil(window[0] + self._seconds - now)),
                hint="Wait a little, then try again.",
            )
        window.append(now)
        if len(self._windows) > MAX_WINDOWS:
            self._windows.popitem(last=False)
