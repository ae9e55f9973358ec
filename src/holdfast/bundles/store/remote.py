"""What all remote stores share: reading over HTTP, and errors for unexpected responses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.keys import validate_key
from holdfast.bundles.store.retry import RetryPolicy
from holdfast.bundles.store.transport import Method, StoreResponse, Transport, UnexpectedStatus
from holdfast.errors import HoldfastError


class RemoteStore(ABC):
    """A store that is read over HTTP. A subclass builds the URLs and interprets error responses."""

    def __init__(self, name: str, retry_policy: RetryPolicy) -> None:
        """`name` is what errors call the store: its origin, and its bucket if it has one."""
        self.name = name
        self._transport = Transport(name, retry_policy)

    async def get(self, key: str) -> AsyncGenerator[bytes, None]:
        validate_key(key)
        try:
            # The URL is built per attempt: a signature that is valid now may have expired at the next one.
            async with aclosing(self._transport.read(lambda: self._url("GET", key))) as pieces:
                async for piece in pieces:
                    yield piece
        except UnexpectedStatus as unexpected:
            raise self._error_for(unexpected.response, key) from None

    async def exists(self, key: str) -> bool:
        response = await self._request("HEAD", key)
        if response.status not in (200, 404):
            raise self._error_for(response, key)
        return response.status == 200

    async def _request(self, method: Method, key: str, *, source: Path | None = None, once: bool = False) -> StoreResponse:
        validate_key(key)
        return await self._transport.request(method, lambda: self._url(method, key), source=source, once=once)

    @abstractmethod
    def _url(self, method: Method, key: str) -> str:
        """The URL for one request, valid now."""

    @abstractmethod
    def _error_for(self, response: StoreResponse, key: str) -> HoldfastError:
        """The error to raise for a response that is not the expected one."""


def unexpected_response(name: str, response: StoreResponse) -> BundleStoreUnavailable:
    """The error for a response that has no specific meaning."""
    if 300 <= response.status < 400:
        return BundleStoreUnavailable(
            f"The bundle store {name} responds with a redirect (status {response.status}); Holdfast does not follow redirects.",
            rule="store_redirects",
            hint="Set BUNDLE_STORE_BASE to the address it redirects to; for Amazon S3, check S3_REGION.",
        )
    return BundleStoreUnavailable(
        f"The bundle store {name} responds with status {response.status}.",
        rule="store_status",
        hint="Check BUNDLE_STORE_BASE, its bucket and S3_REGION.",
    )
