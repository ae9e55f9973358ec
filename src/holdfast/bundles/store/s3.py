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
"""Also how much slower than the server's this machine's clock may be."""


class S3Credentials(Struct, frozen=True, kw_only=True):
    """What requests are signed with. Never shown."""

    access_key: str
    secret_key: str
    region: str = "us-east-1"

    def __call__(self) -> S3Credential:
        """The credentials in the form that obstore asks for."""
        return {"access_key_id": self.access_key, "secret_access_key": self.secret_key, "token": None, "expires_at": None}

    def __repr__(self) -> str:
        return "S3Credentials(...)"


class S3Store(RemoteStore):
    """Requests are signed by obstore (signature version 4, in the query, as the existing runner does) and sent by our own transport:

    so time limits, retries, redirects and what errors say are the same for every store.
    """

    def __init__(self, address: S3Address, credentials: S3Credentials, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY) -> None:
        super().__init__(f"{address.endpoint}/{address.bucket}", retry_policy)
        self._address = address
        # All that AWS_* variables could change is said here: only our own settings count.
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
        answer = await self._ask("PUT", key, source=source)
        if answer.status != 200:
            raise self._refusal(answer, key)

    async def delete(self, key: str) -> None:
        answer = await self._ask("DELETE", key)
        if answer.status not in (200, 204) and not _is_missing(answer):
            raise self._refusal(answer, key)

    async def check(self) -> None:
        """Reads a key that is not there. Where credentials may read bundles but not list them, that is refused: such a store is well."""
        answer = await self._ask("GET", _PROBE, once=True)
        if answer.status != 200 and not _is_missing(answer) and answer.code != "AccessDenied":
            raise self._refusal(answer, _PROBE)

    def _url(self, method: Method, key: str) -> str:
        return obstore.sign(self._signer, method, self._address.object_key(key), _SIGNATURE_LASTS)

    def _refusal(self, answer: StoreResponse, key: str) -> HoldfastError:
        if answer.code == "NoSuchBucket":
            return BundleStoreUnavailable(
                f"The bundle store {self.name} has no such bucket.", hint="Make the bucket, or correct its name in BUNDLE_STORE_BASE."
            )
        if _is_missing(answer):
            return BundleNotFound(key)
        if answer.status in (401, 403):
            return BundleStoreUnavailable(
                f"The bundle store {self.name} refuses its credentials (status {answer.status}).",
                hint="Check S3_ACCESS_KEY and S3_SECRET_KEY (or MINIO_ACCESS_KEY and MINIO_SECRET_KEY), S3_REGION, what these keys are "
                "allowed to do, and the clock of this machine.",
            )
        return unexpected_response(self.name, answer)


def _is_missing(answer: StoreResponse) -> bool:
    return answer.status == 404 and answer.code != "NoSuchBucket"
