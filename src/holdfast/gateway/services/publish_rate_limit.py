"""How often a tenant may publish."""

from __future__ import annotations

from holdfast.gateway.http.errors import RateLimited
from holdfast.http.token_bucket import Buckets


class PublishRateLimit:
    """Limits requests of a kind for each tenant."""

    def __init__(self, buckets: Buckets, *, count: int, seconds: float) -> None:
        """`buckets` have the rate of `count` requests per `seconds`."""
        self._text = f"Your tenant may do this {count} times in {seconds:g} seconds."
        self._buckets = buckets

    def acquire(self, tenant_id: str, kind: str) -> None:
        """Counts a request of the tenant. Raises RateLimited, which is not counted."""
        decision = self._buckets.acquire((tenant_id, kind))
        if not decision.allowed:
            raise RateLimited(
                self._text,
                retry_after_seconds=decision.retry_after_seconds,
                hint=f"Try again in {decision.retry_after_seconds} s.",
            )
