"""The one rate limiter: token buckets by key, in memory, bounded. Time is passed in as a clock.

A bucket is one number: the time at which it is full again. `acquire_token` and `refund_token` compute with it, for every store of buckets.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Protocol

from msgspec import Struct

MAX_BUCKETS = 10_000
# Times are floats: a token that is due at this very moment must not be missing by a rounding error.
_ROUNDING = 1e-6


class Rate(Struct, frozen=True, gc=False):
    """`capacity` requests at once, then `refill_per_second` (may be below 1)."""

    capacity: float
    refill_per_second: float

    @classmethod
    def per_window(cls, count: int, seconds: float) -> Rate:
        """`count` requests per `seconds`: that many at once, and as many again spread over each window."""
        return cls(count, count / seconds)


class Decision(Struct, frozen=True, gc=False):
    """Whether a request is allowed; if not, in how many whole seconds it is (at least 1).

    `limit` is how many requests a full bucket allows, `remaining` how many this one still allows, and it is full after `reset_seconds`.
    """

    allowed: bool
    retry_after_seconds: int = 0
    limit: int = 0
    remaining: int = 0
    reset_seconds: int = 0


class Buckets(Protocol):
    """Token buckets of one rate by key, wherever they are stored. Keys are text, or tuples of text."""

    def acquire(self, key: Hashable) -> Decision:
        """Takes a token if there is one."""
        ...

    def peek(self, key: Hashable) -> Decision:
        """What `acquire` would decide; takes no token."""
        ...

    def refund(self, key: Hashable) -> None:
        """Returns a token that `acquire` took, for a request that should not count after all."""
        ...

    def reset(self, key: Hashable) -> None:
        """Fills the bucket of the key."""
        ...


def acquire_token(rate: Rate, full_at: float, now: float) -> tuple[Decision, float]:
    """Takes a token from the bucket that is full at `full_at`, if it has one. Returns the decision and the new `full_at`, in seconds."""
    if full_at < now:
        full_at = now
    capacity, refill = rate.capacity, rate.refill_per_second
    tokens = capacity - (full_at - now) * refill + _ROUNDING
    if tokens >= 1:
        full_at += 1 / refill
        return Decision(True, 0, int(capacity), int(tokens) - 1, math.ceil(full_at - now - _ROUNDING)), full_at
    retry_after = max(1, math.ceil((1 - tokens) / refill))
    return Decision(False, retry_after, int(capacity), 0, math.ceil(full_at - now - _ROUNDING)), full_at


def refund_token(rate: Rate, full_at: float) -> float:
    """The new `full_at` of a bucket that gets a token back."""
    return full_at - 1 / rate.refill_per_second


class TokenBuckets:
    """The `Buckets` of one process, in its memory.

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
        self._rate = Rate(capacity, refill_per_second)
        self._clock = clock
        self._max_buckets = max_buckets
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    @classmethod
    def per_window(cls, count: int, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> TokenBuckets:
        """Buckets for "`count` requests per `seconds`", see `Rate.per_window`."""
        return cls(capacity=count, refill_per_second=count / seconds, clock=clock)

    def acquire(self, key: Hashable) -> Decision:
        """Takes a token if there is one."""
        full_at = self._full_at
        decision, full_at[key] = acquire_token(self._rate, full_at.get(key, 0.0), self._clock())
        full_at.move_to_end(key)
        if len(full_at) > self._max_buckets:
            full_at.popitem(last=False)
        return decision

    def peek(self, key: Hashable) -> Decision:
        """What `acquire` would decide; takes no token."""
        return acquire_token(self._rate, self._full_at.get(key, 0.0), self._clock())[0]

    def refund(self, key: Hashable) -> None:
        """Returns a token that `acquire` took, for a request that should not count after all."""
        if key in self._full_at:
            self._full_at[key] = refund_token(self._rate, self._full_at[key])

    def reset(self, key: Hashable) -> None:
        """Fills the bucket of the key."""
        self._full_at.pop(key, None)
