"""The bundle store that is a plain web server: read-only, without credentials."""

from __future__ import annotations

from pathlib import Path

from holdfast.bundles.store.address import HttpAddress
from holdfast.bundles.store.errors import BundleNotFound, BundleStoreUnavailable
from holdfast.bundles.store.remote import RemoteStore, unexpected_response
from holdfast.bundles.store.retry import DEFAULT_RETRY_POLICY, RetryPolicy
from holdfast.bundles.store.transport import Method, StoreResponse
from holdfast.errors import HoldfastError


class HttpStore(RemoteStore):
    """A web server with public files: `GET {base}/{key}`. Writing is not possible."""

    def __init__(self, address: HttpAddress, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY) -> None:
        super().__init__(address.origin, retry_policy)
        self._address = address

    async def put(self, key: str, source: Path) -> None:
        raise self._read_only()

    async def delete(self, key: str) -> None:
        raise self._read_only()

    async def check(self) -> None:
        """Any response will do: a private bucket or a folder without a listing denies its root, and still serves its files."""
        await self._transport.request("HEAD", lambda: self._address.base, once=True)

    def _url(self, method: Method, key: str) -> str:
        return self._address.url(key)

    def _error_for(self, response: StoreResponse, key: str) -> HoldfastError:
        if response.status == 404:
            return BundleNotFound(key)
        if response.status in (401, 403):
            return BundleStoreUnavailable(
                f"The bundle store {self.name} requires credentials (status {response.status}).",
                rule="store_credentials",
                hint="If it is S3-compatible, set S3_ACCESS_KEY and S3_SECRET_KEY (or MINIO_ACCESS_KEY and MINIO_SECRET_KEY).",
            )
        return unexpected_response(self.name, response)

    def _read_only(self) -> BundleStoreUnavailable:
        return BundleStoreUnavailable(
            f"The bundle store {self.name} is read-only.",
            rule="store_read_only",
            hint="If it is S3-compatible, set S3_ACCESS_KEY and S3_SECRET_KEY; otherwise upload the bundle by other means.",
        )
