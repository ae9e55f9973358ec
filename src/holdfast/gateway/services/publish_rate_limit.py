"""How often a tenant may publish."""

from __future__ import annotations

import time
from collections.abc import Callable

from holdfast.gateway.http.errors import RateLimited
from holdfast.http.token_bucket import TokenBuckets


class PublishRateLimit:
    """`count` requests of a kind at once, and as many again spread over every `seconds`, for each tenant."""

    def __init__(self, *, count: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._text = f"Your tenant may do this {count} times in {seconds:g} seconds."
        self._buckets = TokenBuckets.per_window(count, seconds, clock=clock)

    def acquire(self, tenant_id: str, kind: str) -> None:
        """Counts a request of the tenant. Raises RateLimited, which is not counted."""
        decision = self._buckets.acquire((tenant_id, kind))
        if not decision.allowed:
            raise RateLimited(
                self._text,
                retry_after_seconds=decision.retry_after_seconds,
                hint=f"Try again in {decision.retry_after_seconds} s.",
            )
