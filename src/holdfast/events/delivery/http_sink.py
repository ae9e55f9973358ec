"""Sends the events of a runner to the gateway over its internal HTTP API."""

from __future__ import annotations

from typing import Any

import httpx2
import msgspec

from holdfast.contract.debug_event import DebugEvent, EventBatch
from holdfast.events.delivery.batching_sink import BatchingSink, DeliveryFailed, DeliveryRejected

PATH = "/api/internal/ext-debug/events"

REJECTED_STATUSES = frozenset({400, 413, 415, 422})
"""Statuses with which the gateway rejects a batch for good: sending it again would not help."""


class HttpSink(BatchingSink):
    """A sink that posts batches to `{base_url}/api/internal/ext-debug/events` with the header `x-runner-auth`."""

    def __init__(self, base_url: str, token: str, *, timeout: float = 10.0, **delivery: Any) -> None:
        """`timeout` is the seconds that one request may take; `delivery` is passed to `BatchingSink`."""
        super().__init__(_HttpTransport(base_url.rstrip("/") + PATH, token, timeout), **delivery)


class _HttpTransport:
    name = address = "the gateway"

    def __init__(self, url: str, token: str, timeout: float) -> None:
        self._url = url
        self._headers = {"x-runner-auth": token, "content-type": "application/json"}
        self._timeout = timeout
        self._client: httpx2.AsyncClient | None = None

    async def send(self, events: list[DebugEvent]) -> None:
        try:
            body = msgspec.json.encode(EventBatch(events))
        except UnicodeEncodeError:
            # An id with a lone surrogate, which JSON cannot express. Such a batch must not block the ones after it.
            raise DeliveryRejected("it cannot be encoded") from None
        if self._client is None:
            # No environment proxies and no redirects: the token must reach the gateway only.
            self._client = httpx2.AsyncClient(timeout=self._timeout, trust_env=False, follow_redirects=False)
        response = await self._client.post(self._url, content=body, headers=self._headers)
        if response.status_code in REJECTED_STATUSES:
            raise DeliveryRejected(f"status {response.status_code}")
        if not response.is_success:
            raise DeliveryFailed(f"status {response.status_code}")

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
