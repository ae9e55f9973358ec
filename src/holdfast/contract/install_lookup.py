"""`GET /api/installs/…`: what a runner requests before it serves the pages of an extension."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType


class InstallValidation(Struct, frozen=True):
    """The response of `validate`. `tenant_id` is sent when the request named no tenant: one that has the version, or null."""

    valid: bool
    tenant_id: str | UnsetType | None = UNSET


class InstallAddress(Struct, frozen=True):
    """The response of `lookup-by-host`: where the pages of one install are. Ids as in `bundle_key`, the hash with `sha256:`."""

    tenant_id: str
    extension_id: str
    content_hash: str
