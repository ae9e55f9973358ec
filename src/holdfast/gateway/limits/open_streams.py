"""Limits the open live streams of one gateway process, of each tenant and together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from holdfast.gateway.http.errors import RateLimited

RETRY_SECONDS = 10


class OpenStreams:
    """The open live streams. With several gateway processes, each has these limits for itself."""

    def __init__(self, *, per_tenant: int = 20, total: int = 200) -> None:
        self.per_tenant = per_tenant
        self.total = total
        self._by_tenant: Counter[str] = Counter()

    def __len__(self) -> int:
        """The number of open streams."""
        return self._by_tenant.total()

    def check(self, tenant_id: str) -> None:
        """Raises RateLimited when the tenant may not open another stream now."""
        if self._by_tenant[tenant_id] >= self.per_tenant:
            raise RateLimited("Your tenant has too many open debug streams.", retry_after_seconds=RETRY_SECONDS, hint="Close one of them.")
        if len(self) >= self.total:
            raise RateLimited("The gateway has too many open debug streams.", retry_after_seconds=RETRY_SECONDS, hint="Poll with POST.")

    @contextmanager
    def opened(self, tenant_id: str) -> Iterator[None]:
        """Counts a stream for the length of the block."""
        self._by_tenant[tenant_id] += 1
        try:
            yield
        finally:
            self._by_tenant[tenant_id] -= 1
            # Also drops the zero that a look-up leaves: the counter must not grow with every tenant.
            self._by_tenant = +self._by_tenant
