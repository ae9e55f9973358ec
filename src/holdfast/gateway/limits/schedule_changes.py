"""How often an extension may change its schedules."""

from __future__ import annotations

from holdfast.gateway.http.errors import RateLimited
from holdfast.http.token_bucket import Buckets, Rate

CHANGES = 10
SECONDS = 60.0
RATE = Rate.per_window(CHANGES, SECONDS)


class ScheduleChanges:
    """Limits the changes of each install. Belongs to the gateway processes of one machine together."""

    def __init__(self, buckets: Buckets) -> None:
        """`buckets` have the rate RATE."""
        self._buckets = buckets

    def acquire(self, tenant_id: str, install_id: str) -> None:
        """Counts a change, of an install that exists. Raises RateLimited, which is not counted."""
        decision = self._buckets.acquire((tenant_id, install_id))
        if not decision.allowed:
            raise RateLimited(
                f"An extension may change its schedules {CHANGES} times in {SECONDS:g} seconds.",
                retry_after_seconds=decision.retry_after_seconds,
            )
