"""Settings: bundles and pages."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from holdfast.settings.table.fields import SecretStr, named, prefixed, setting
from holdfast.settings.table.kinds import HttpUrl, SettingsGroup


class BundleSettings(SettingsGroup):
    """Where bundles are stored and cached, whose signatures are valid, and how pages are served."""

    title: ClassVar[str] = "Bundles and pages"

    bundle_store_base: str | None = setting(
        None,
        variables=prefixed("BUNDLE_STORE_BASE"),
        description="Bundle store: a folder, a file:// URL, an s3:// URL, or an http(s) URL whose first path segment is the bucket (with "
        "the S3 credentials) or that serves the same paths publicly (without); unset means bundles/ in the data folder.",
    )
    s3_access_key: SecretStr | None = setting(
        None, variables=prefixed("S3_ACCESS_KEY", "MINIO_ACCESS_KEY"), description="Access key of an S3-compatible bundle store."
    )
    s3_secret_key: SecretStr | None = setting(
        None, variables=prefixed("S3_SECRET_KEY", "MINIO_SECRET_KEY"), description="Secret key of an S3-compatible bundle store."
    )
    s3_region: str = setting("us-east-1", variables=prefixed("S3_REGION"), description="Region of an S3-compatible bundle store.")
    s3_endpoint: HttpUrl | None = setting(
        None, variables=prefixed("S3_ENDPOINT"), description="Endpoint of an s3:// bundle store that is not at Amazon."
    )
    cache_root: Path | None = setting(
        None,
        variables=prefixed("EXT_CACHE_ROOT"),
        description="Folder of unpacked bundles; unset means cache/ in the data folder.",
    )
    cache_max_bytes: int = setting(
        4 * 1024**3,
        gt=0,
        variables=prefixed("EXT_CACHE_MAX_BYTES"),
        description="Maximum size of that folder, in bytes; the least recently used bundles are removed first.",
    )
    artifact_root: Path | None = setting(
        None,
        variables=named("HOLDFAST_ARTIFACT_ROOT"),
        description="Folder of compiled components; unset means artifacts/ in the data folder.",
    )
    signing_trust_bundle: Path | None = setting(
        None,
        variables=prefixed("SIGNING_TRUST_BUNDLE"),
        description="File of trusted signing keys; unset means trusted-keys.json in the data folder.",
    )
    static_strict_validation: bool = setting(
        True,
        variables=prefixed("EXT_STATIC_STRICT_VALIDATION", "STATIC_STRICT_VALIDATION"),
        description="Serve UI files only to tenants that have the extension installed.",
    )
    static_max_file_bytes: int | None = setting(
        None,
        gt=0,
        variables=prefixed("EXT_STATIC_MAX_FILE_BYTES"),
        description="Largest UI file that is served, in bytes; unset means no limit.",
    )
    ui_content_security_policy: str | None = setting(
        None,
        variables=prefixed("EXT_UI_CONTENT_SECURITY_POLICY"),
        description="Replaces the Content-Security-Policy of extension pages.",
    )
    ui_frame_ancestors: str | None = setting(
        None,
        variables=prefixed("EXT_UI_FRAME_ANCESTORS"),
        description="Origins that may frame extension pages, in addition to the gateway.",
    )
