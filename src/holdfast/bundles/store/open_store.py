"""Opens the bundle store of the settings: a folder, a bucket of an S3-compatible server, or a web server.

The clients of remote stores are imported when they are used: a command on a data folder whose store is a folder needs neither.
"""

from __future__ import annotations

from holdfast.bundles.store.address import FolderAddress, HttpAddress, parse_store_address
from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.protocol import BundleStore
from holdfast.bundles.store.retry import DEFAULT_RETRY_POLICY, RetryPolicy
from holdfast.settings import SecretStr, Settings


def open_store(settings: Settings, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY) -> BundleStore:
    """The store that BUNDLE_STORE_BASE and the S3 settings name. Sends no request yet.

    Raises BundleStoreUnavailable when the settings are invalid or contain only one half of the credentials.
    """
    access_key, secret_key = _text(settings.s3_access_key), _text(settings.s3_secret_key)
    signed = access_key is not None and secret_key is not None
    address = parse_store_address(settings.resolved_bundle_store, signed=signed, region=settings.s3_region, endpoint=settings.s3_endpoint)
    if isinstance(address, FolderAddress):
        return FolderStore(address.path)
    if (access_key is None) != (secret_key is None):
        raise _missing_half(given="S3_ACCESS_KEY" if secret_key is None else "S3_SECRET_KEY")
    if isinstance(address, HttpAddress):
        from holdfast.bundles.store.http import HttpStore

        return HttpStore(address, retry_policy)
    if access_key is None or secret_key is None:
        raise BundleStoreUnavailable(
            "An s3:// bundle store needs credentials.",
            hint="Set S3_ACCESS_KEY and S3_SECRET_KEY (or MINIO_ACCESS_KEY and MINIO_SECRET_KEY).",
        )
    from holdfast.bundles.store.s3 import S3Credentials, S3Store

    credentials = S3Credentials(access_key=access_key, secret_key=secret_key, region=settings.s3_region)
    return S3Store(address, credentials, retry_policy)


def _missing_half(given: str) -> BundleStoreUnavailable:
    missing = "S3_SECRET_KEY" if given == "S3_ACCESS_KEY" else "S3_ACCESS_KEY"
    return BundleStoreUnavailable(
        f"{given} is set, but {missing} is not.",
        hint=f"Set {missing} (or {missing.replace('S3_', 'MINIO_')}) too, or neither to read bundles without credentials.",
    )


def _text(secret: SecretStr | None) -> str | None:
    return (secret.get_secret_value().strip() or None) if secret is not None else None
