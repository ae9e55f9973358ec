"""The bundle store that is a bucket of an S3-compatible server."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from msgspec import Struct
from obstore.store import S3Store as Signer

from holdfast.bundles.store.address import S3Address
from holdfast.bundles.store.errors import BundleNotFound, BundleStoreUnavailable
from holdfast.bundles.store.remote import RemoteStore, unexpected_response
from holdfast.bundles.store.retry import DEFAULT_RETRY_POLICY, RetryPolicy
from holdfast.bundles.store.transport import Method, StoreResponse
from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from obstore.store import S3Credential

_PROBE = "healthz"
_SIGNATURE_LASTS = timedelta(minutes=5)
"""Also how far this machine's clock may be behind the server's."""


class S3Credentials(Struct, frozen=True, kw_only=True):
    """The credentials that sign requests. `repr` does not show them."""

    access_key: str
    secret_key: str
    region: str = "us-east-1"

    def __call__(self) -> S3Credential:
        """The credentials in the form that obstore expects."""
        return {"access_key_id": self.access_key, "secret_access_key": self.secret_key, "token": None, "expires_at": None}

    def __repr__(self) -> str:
        return "S3Credentials(...)"


class S3Store(RemoteStore):
    """A bucket. obstore signs the requests (signature version 4, in the query, as the existing runner does); our transport sends them.

    So time limits, retries, redirects and error messages are the same for every remote store.
    """

    def __init__(self, address: S3Address, credentials: S3Credentials, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY) -> None:
        super().__init__(f"{address.endpoint}/{address.bucket}", retry_policy)
        self._address = address
        # Every option that an AWS_* variable could set is passed here, so that only our own settings count.
        self._signer = Signer(
            address.bucket,
            endpoint=address.endpoint,
            aws_endpoint_url_s3=address.endpoint,
            region=credentials.region,
            virtual_hosted_style_request=False,
            skip_signature=False,
            request_payer=False,
            s3_express=False,
            client_options={"allow_http": True},
            credential_provider=credentials,
        )

    async def put(self, key: str, source: Path) -> None:
        response = await self._request("PUT", key, source=source)
        if response.status != 200:
            raise self._error_for(response, key)

    async def delete(self, key: str) -> None:
        response = await self._request("DELETE", key)
        if response.status not in (200, 204) and not _is_missing(response):
            raise self._error_for(response, key)

    async def check(self) -> None:
        """Reads a key that does not exist. Credentials that can read but not list get `AccessDenied` for it: such a store works."""
        response = await self._request("GET", _PROBE, once=True)
        if response.status != 200 and not _is_missing(response) and response.code != "AccessDenied":
            raise self._error_for(response, _PROBE)

    def _url(self, method: Method, key: str) -> str:
        return obstore.sign(self._signer, method, self._address.object_key(key), _SIGNATURE_LASTS)

    def _error_for(self, response: StoreResponse, key: str) -> HoldfastError:
        if response.code == "NoSuchBucket":
            return BundleStoreUnavailable(
                f"The bundle store {self.name} has no such bucket.",
                rule="store_bucket",
                hint="Create the bucket, or correct its name in BUNDLE_STORE_BASE.",
            )
        if _is_missing(response):
            return BundleNotFound(key)
        if response.status in (401, 403):
            return BundleStoreUnavailable(
                f"The bundle store {self.name} rejects its credentials (status {response.status}).",
                rule="store_credentials",
                hint="Check S3_ACCESS_KEY and S3_SECRET_KEY (or MINIO_ACCESS_KEY and MINIO_SECRET_KEY), S3_REGION, the "
                "permissions of these keys, and the clock of this machine.",
            )
        return unexpected_response(self.name, response)


def _is_missing(response: StoreResponse) -> bool:
    return response.status == 404 and response.code != "NoSuchBucket"
