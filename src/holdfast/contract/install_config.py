"""`POST /api/internal/ext-runner/install-config`: what an install may do and with what, for runners that run it outside a call."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from holdfast.contract.secret_envelope import SecretEnvelope

Text = Annotated[str, Meta(min_length=1, max_length=512)]


class InstallConfigRequest(Struct, frozen=True, rename="camel"):
    """The request body. `extension_id` is an install id, a registry id or a name."""

    tenant_id: Text
    extension_id: Text


class InstallConfig(Struct, frozen=True, kw_only=True, rename="camel"):
    """The response body. `content_hash` is `sha256:…`, or null without a bundle; `providers` are capability names, sorted."""

    tenant_id: str
    extension_slug: str
    install_id: str
    version_id: str
    registry_id: str
    content_hash: str | None
    config: dict[str, str]
    providers: list[str]
    egress: list[str]
    updated_at: datetime
    config_version: str | UnsetType = UNSET
    secrets_version: str | UnsetType = UNSET
    secret_envelope: SecretEnvelope | UnsetType = UNSET
