"""What the stores on another machine have in common: they are read over HTTP."""

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
    """Reads by HTTP. What an answer means is told by `_refusal`."""

    def __init__(self, name: str, retry_policy: RetryPolicy) -> None:
        """`name` is what errors call the store: its origin, and its bucket if it has one."""
        self.name = name
        self._transport = Transport(name, retry_policy)

    async def get(self, key: str) -> AsyncGenerator[bytes, None]:
        validate_key(key)
        try:
            async with aclosing(self._transport.read(lambda: self._url("GET", key))) as pieces:
                async for piece in pieces:
                    yield piece
        except UnexpectedStatus as refused:
            raise self._refusal(refused.answer, key) from None

    async def exists(self, key: str) -> bool:
        answer = await self._ask("HEAD", key)
        if answer.status not in (200, 404):
            raise self._refusal(answer, key)
        return answer.status == 200

    async def _ask(self, method: Method, key: str, *, source: Path | None = None, once: bool = False) -> StoreResponse:
        validate_key(key)
        return await self._transport.ask(method, lambda: self._url(method, key), source=source, once=once)

    @abstractmethod
    def _url(self, method: Method, key: str) -> str:
        """The address for one request, good for now."""

    @abstractmethod
    def _refusal(self, answer: StoreResponse, key: str) -> HoldfastError:
        """What to raise for an answer that is not the wanted one."""


def unexpected_response(name: str, answer: StoreResponse) -> BundleStoreUnavailable:
    """What to raise for an answer that has no meaning of its own."""
    if 300 <= answer.status < 400:
        return BundleStoreUnavailable(
            f"The bundle store {name} answers with a redirect (status {answer.status}), which is not followed.",
            hint="Set BUNDLE_STORE_BASE to where it leads; on Amazon's servers, check S3_REGION.",
        )
    return BundleStoreUnavailable(
        f"The bundle store {name} answers with status {answer.status}.", hint="Check BUNDLE_STORE_BASE, its bucket and S3_REGION."
    )
