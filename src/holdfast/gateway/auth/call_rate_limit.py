"""How often an extension may be called: one token bucket for each tenant and extension, in memory."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MAX_BUCKETS = 10_000


@dataclass(frozen=True)
class Decision:
    """Whether a call may go ahead; if not, in how many whole seconds it may (at least 1)."""

    allowed: bool
    retry_after_seconds: int = 0


class TokenBuckets:
    """Buckets of `capacity` tokens that gain `refill_per_second`. A call takes one. `clock` returns seconds and never goes back."""

    def __init__(self, *, capacity: float = 60, refill_per_second: float = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._refill = refill_per_second
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def try_consume(self, tenant_id: str, registry_id: str) -> Decision:
        """Takes a token from the bucket of this tenant and extension, if there is one."""
        key = (tenant_id, registry_id)
        now = self._clock()
        tokens, filled_at = self._buckets.pop(key, (self._capacity, now))
        tokens = min(self._capacity, tokens + (now - filled_at) * self._refill)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > MAX_BUCKETS:
            # The one unused for longest: it has most likely filled up, which is what its absence means.
            self._buckets.popitem(last=False)
        if allowed:
            return Decision(True)
        return Decision(False, max(1, math.ceil((1 - tokens) / self._refill)))
