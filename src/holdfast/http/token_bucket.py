"""The one rate limiter: token buckets by key, in memory, bounded. Time is passed in as a clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from cachetools import LRUCache

MAX_BUCKETS = 10_000


@dataclass(frozen=True)
class Decision:
    """Whether a request is allowed; if not, in how many whole seconds it is (at least 1)."""

    allowed: bool
    retry_after_seconds: int = 0


class TokenBuckets:
    """A bucket for each key: `capacity` requests at once, then `refill_per_second` (may be below 1).

    A key without a bucket has a full one, so dropping the bucket unused for longest, beyond `max_buckets`, allows a request too many at
    worst and never denies one.
    """

    def __init__(
        self,
        *,
        capacity: float = 60,
        refill_per_second: float = 1,
        clock: Callable[[], float] = time.monotonic,
        max_buckets: int = MAX_BUCKETS,
    ) -> None:
        """`clock` returns seconds and never goes back."""
        self._capacity = capacity
        self._refill = refill_per_second
        self._clock = clock
        # Tokens, and when they were counted: buckets fill by arithmetic, not by a timer.
        self._buckets: LRUCache[Hashable, tuple[float, float]] = LRUCache(max_buckets)

    @classmethod
    def per_window(cls, count: int, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> TokenBuckets:
        """Buckets for "`count` requests per `seconds`": that many at once, and as many again spread over each window."""
        return cls(capacity=count, refill_per_second=count / seconds, clock=clock)

    def acquire(self, key: Hashable) -> Decision:
        """Takes a token if there is one."""
        now = self._clock()
        tokens = self._tokens(key, now)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        return self._decision(tokens)

    def peek(self, key: Hashable) -> Decision:
        """What `acquire` would decide; takes no token."""
        return self._decision(self._tokens(key, self._clock()))

    def refund(self, key: Hashable) -> None:
        """Returns a token that `acquire` took, for a request that should not count after all."""
        now = self._clock()
        self._buckets[key] = (min(self._capacity, self._tokens(key, now) + 1), now)

    def reset(self, key: Hashable) -> None:
        """Fills the bucket of the key."""
        self._buckets.pop(key, None)

    def _tokens(self, key: Hashable, now: float) -> float:
        tokens, counted_at = self._buckets.get(key, (self._capacity, now))
        return min(self._capacity, tokens + (now - counted_at) * self._refill)

    def _decision(self, tokens: float) -> Decision:
        if tokens >= 1:
            return _ALLOWED
        return Decision(False, max(1, math.ceil((1 - tokens) / self._refill)))


_ALLOWED = Decision(True)
