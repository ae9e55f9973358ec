"""Sends the events of a runner to the gateway over its internal HTTP API."""

from __future__ import annotations

from typing import Any

import msgspec

from holdfast.contract.debug_event import DebugEvent, EventBatch
from holdfast.events.delivery.batching_sink import BatchingSink, DeliveryFailed, DeliveryRejected, NotOffered
from holdfast.http.client import HttpClient, parse_origin

PATH = "/api/internal/ext-debug/events"

REJECTED_STATUSES = frozenset({400, 413, 415, 422})
"""Statuses with which the gateway rejects a batch for good: sending it again would not help."""

MISSING_STATUSES = frozenset({404, 405, 501})
"""Statuses of a server that has no such route, such as the existing platform."""

_MAX_RESPONSE_BYTES = 64 * 1024
_NO_HEADERS: dict[str, str] = {}


class HttpSink(BatchingSink):
    """A sink that posts batches to `{base_url}/api/internal/ext-debug/events` with the header `x-runner-auth`."""

    def __init__(self, base_url: str, token: str, *, timeout: float = 10.0, **delivery: Any) -> None:
        """`timeout` is the seconds that one request may take; `delivery` is passed to `BatchingSink`.

        Raises ValueError for a base URL that is not http(s).
        """
        super().__init__(_HttpTransport(base_url, token, timeout), **delivery)


class _HttpTransport:
    name = address = "the gateway"

    def __init__(self, base_url: str, token: str, timeout: float) -> None:
        address, prefix = parse_origin(base_url)
        # The client uses no environment proxies and follows no redirects: the token must reach the gateway only.
        self._client = HttpClient(address, {"x-runner-auth": token, "content-type": "application/json"}, prefix=prefix)
        self._timeout = timeout

    async def send(self, events: list[DebugEvent]) -> None:
        try:
            body = msgspec.json.encode(EventBatch(events))
        except UnicodeEncodeError:
            # An id with a lone surrogate, which JSON cannot express. Such a batch must not block the ones after it.
            raise DeliveryRejected("it cannot be encoded") from None
        response = await self._client.request("POST", PATH, _NO_HEADERS, body, timeout=self._timeout, max_bytes=_MAX_RESPONSE_BYTES)
        status = response.status
        if status in MISSING_STATUSES:
            raise NotOffered(f"status {status}")
        if status in REJECTED_STATUSES:
            raise DeliveryRejected(f"status {status}")
        if not 200 <= status < 300:
            raise DeliveryFailed(f"status {status}")

    async def close(self) -> None:
        await self._client.close()
