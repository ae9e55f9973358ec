"""The bundle stores on another machine: what they have in common, and the one that is a plain web server."""

from __future__ import annotations

from pathlib import Path

from holdfast.bundles.store.address import HttpAddress
from holdfast.bundles.store.errors import BundleNotFound, BundleStoreUnavailable
from holdfast.bundles.store.remote import RemoteStore, unexpected_response
from holdfast.bundles.store.retry import DEFAULT_RETRY_POLICY, RetryPolicy
from holdfast.bundles.store.transport import Method, StoreResponse
from holdfast.errors import HoldfastError


class HttpStore(RemoteStore):
    """A web server that gives its files to everybody: `GET {base}/{key}`. Nothing can be put there this way."""

    def __init__(self, address: HttpAddress, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY) -> None:
        super().__init__(address.origin, retry_policy)
        self._address = address

    async def put(self, key: str, source: Path) -> None:
        raise self._read_only()

    async def delete(self, key: str) -> None:
        raise self._read_only()

    async def check(self) -> None:
        """A server that refuses its own root, as it does for a private bucket or a folder without listing, is there."""
        await self._transport.ask("HEAD", lambda: self._address.base, once=True)

    def _url(self, method: Method, key: str) -> str:
        return self._address.url(key)

    def _refusal(self, answer: StoreResponse, key: str) -> HoldfastError:
        if answer.status == 404:
            return BundleNotFound(key)
        if answer.status in (401, 403):
            return BundleStoreUnavailable(
                f"The bundle store {self.name} gives its bundles to nobody without credentials (status {answer.status}).",
                hint="If it is S3-compatible, set S3_ACCESS_KEY and S3_SECRET_KEY (or MINIO_ACCESS_KEY and MINIO_SECRET_KEY).",
            )
        return unexpected_response(self.name, answer)

    def _read_only(self) -> BundleStoreUnavailable:
        return BundleStoreUnavailable(
            f"The bundle store {self.name} can only be read.",
            hint="If it is S3-compatible, set S3_ACCESS_KEY and S3_SECRET_KEY; else put the bundle there by other means.",
        )
