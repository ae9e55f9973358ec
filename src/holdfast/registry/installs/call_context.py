"""What a call of an installed extension may do and with what: its bundle, grants, settings and sealed secrets, as of now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import select

from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.installs.lookup import find_install
from holdfast.registry.models.endpoints import Endpoint, read_endpoints
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import TenantExtensionInstallConfig, TenantExtensionInstallSecrets
from holdfast.registry.models.queries import active_bundle
from holdfast.registry.models.visibility import display_name
from holdfast.world.capabilities import ALWAYS_GRANTED, parse_capabilities


class InstallContext(Struct, frozen=True, kw_only=True):
    """An install as a call needs it. `content_hash` is `sha256:…` or None without a bundle; `providers` are capability names, sorted."""

    tenant_id: str
    install_id: str
    registry_id: str
    version_id: str
    publisher: str
    name: str
    version: str
    display_name: str
    is_enabled: bool
    content_hash: str | None
    config: dict[str, str]
    config_version: str | None
    providers: list[str]
    egress: list[str]
    secret_envelope: SecretEnvelope | None
    secrets_version: str | None
    api_endpoints: list[Endpoint]
    ui: dict[str, Any] | None
    updated_at: datetime

    @property
    def slug(self) -> str:
        return slug(self.publisher, self.name)


async def install_context(
    db: Database, tenant_id: str, extension: str, *, only_enabled: bool = True, now: Callable[[], datetime] = utc_now
) -> InstallContext | None:
    """The tenant's install of `extension` (install id, registry id, `publisher.name`, or a name that is the only one), or None.

    Disabled installs are None unless `only_enabled` is False. Raises RegistryError (`ambiguous_extension`).
    """
    async with db.session() as session:
        found = await find_install(session, tenant_id, extension, only_enabled=only_enabled)
        if found is None:
            return None
        install, registry, version = found
        bundle = await active_bundle(session, version.id)
        config = await session.scalar(
            select(TenantExtensionInstallConfig).where(
                TenantExtensionInstallConfig.install_id == install.id, TenantExtensionInstallConfig.tenant_id == tenant_id
            )
        )
        secrets = await session.scalar(
            select(TenantExtensionInstallSecrets).where(
                TenantExtensionInstallSecrets.install_id == install.id, TenantExtensionInstallSecrets.tenant_id == tenant_id
            )
        )
    return InstallContext(
        tenant_id=tenant_id,
        install_id=install.id,
        registry_id=registry.id,
        version_id=version.id,
        publisher=registry.publisher,
        name=registry.name,
        version=version.version,
        display_name=display_name(registry, version),
        is_enabled=install.is_enabled and install.status == "enabled",
        content_hash=bundle.content_hash if bundle else None,
        config=as_strings(config.config if config else install.config),
        config_version=config.version if config else None,
        providers=effective_providers(install.granted_caps),
        egress=list(install.granted_egress),
        secret_envelope=_envelope(secrets, now()) if secrets else None,
        secrets_version=secrets.version if secrets else None,
        api_endpoints=read_endpoints(version.api_endpoints),
        ui=version.ui,
        updated_at=install.updated_at,
    )


def effective_providers(granted: list[str]) -> list[str]:
    """The capabilities an install may use, sorted: those granted to it and those of every install. A request grants nothing."""
    known, _unknown = parse_capabilities(granted)
    return sorted(known | ALWAYS_GRANTED)


def as_strings(config: Mapping[str, Any]) -> dict[str, str]:
    """Settings as a guest reads them: null becomes empty text, text stays, anything else becomes JSON."""
    return {key: "" if value is None else value if isinstance(value, str) else _json(value) for key, value in config.items()}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _envelope(secrets: TenantExtensionInstallSecrets, now: datetime) -> SecretEnvelope:
    """The sealed secrets as they are stored. After they expire, the ciphertext is withheld and the guest sees `expired`."""
    over = secrets.expires_at is not None and secrets.expires_at <= now
    return SecretEnvelope(
        ciphertext_b64="" if over else secrets.ciphertext,
        algorithm=secrets.algorithm,
        key_path=secrets.transit_key,
        mount=secrets.transit_mount,
        version=secrets.version,
        expires_at=secrets.expires_at.isoformat() if secrets.expires_at else None,
    )
