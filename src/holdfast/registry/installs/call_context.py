"""What a call of an installed extension may do and with what: its bundle, grants, settings and sealed secrets, as of now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Boolean, ColumnElement, bindparam, or_, select

from holdfast.bundles.manifest.settings.declared_types import typed_settings
from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared, Row
from holdfast.records.database.uuids import as_uuid
from holdfast.registry.installs.lookup import IS_ENABLED, ambiguous_extension, has_full_name, has_id, has_name
from holdfast.registry.models.endpoints import Endpoint, read_endpoints
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import (
    ExtensionBundle,
    ExtensionRegistry,
    ExtensionVersion,
    TenantExtensionInstall,
    TenantExtensionInstallConfig,
    TenantExtensionInstallSecrets,
)
from holdfast.registry.models.queries import NEWEST_BUNDLE
from holdfast.registry.models.visibility import display_name
from holdfast.registry.quotas.kinds import ALL, NO_OVERRIDES, QuotaOverrides
from holdfast.world.capabilities import ALWAYS_GRANTED, parse_capabilities


class InstallContext(Struct, frozen=True, kw_only=True):
    """An install as a call needs it. `content_hash` is `sha256:…` or None without a bundle; `providers` are capability names, sorted.

    `egress` are the hosts that it was granted, `egress_withheld` those that the version declares and it was not granted. `settings` are the
    values of `config` with the types that the manifest declares; None when all of them are text. `ui_proxy_routes` are the routes of the
    application that the version declares for ui-proxy.
    """

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
    settings: dict[str, Any] | None
    config_version: str | None
    providers: list[str]
    egress: list[str]
    egress_withheld: list[str]
    secret_envelope: SecretEnvelope | None
    secrets_version: str | None
    secrets_end: datetime | None
    api_endpoints: list[Endpoint]
    ui_proxy_routes: list[str]
    ui: dict[str, Any] | None
    updated_at: datetime
    quotas: QuotaOverrides = NO_OVERRIDES

    @property
    def slug(self) -> str:
        return slug(self.publisher, self.name)

    def at(self, now: datetime) -> InstallContext:
        """The install as of `now`. After its secrets expire, the ciphertext is withheld and the guest sees `expired`."""
        if self.secrets_end is None or now < self.secrets_end or self.secret_envelope is None:
            return self
        return replace(self, secret_envelope=replace(self.secret_envelope, ciphertext_b64=""))


_BUNDLE = (
    select(ExtensionBundle.content_hash)
    .where(ExtensionBundle.version_id == ExtensionVersion.id)
    .order_by(*NEWEST_BUNDLE)
    .limit(1)
    .scalar_subquery()
)
_ROW = {
    "install_id": TenantExtensionInstall.id,
    "is_enabled": TenantExtensionInstall.is_enabled,
    "status": TenantExtensionInstall.status,
    "granted_caps": TenantExtensionInstall.granted_caps,
    "granted_egress": TenantExtensionInstall.granted_egress,
    "first_config": TenantExtensionInstall.config,
    "updated_at": TenantExtensionInstall.updated_at,
    "quota_calls": TenantExtensionInstall.quota_calls,
    "quota_cpu_ms": TenantExtensionInstall.quota_cpu_ms,
    "quota_fuel": TenantExtensionInstall.quota_fuel,
    "quota_egress_bytes": TenantExtensionInstall.quota_egress_bytes,
    "quota_storage_bytes": TenantExtensionInstall.quota_storage_bytes,
    "registry_id": ExtensionRegistry.id,
    "publisher": ExtensionRegistry.publisher,
    "name": ExtensionRegistry.name,
    "registry_display_name": ExtensionRegistry.display_name,
    "version_id": ExtensionVersion.id,
    "version_key": ExtensionVersion.version_key,
    "private_tenant": ExtensionVersion.private_tenant,
    "manifest": ExtensionVersion.manifest,
    "api_endpoints": ExtensionVersion.api_endpoints,
    "ui": ExtensionVersion.ui,
    "declared_egress": ExtensionVersion.egress,
    "content_hash": _BUNDLE,
    "config": TenantExtensionInstallConfig.config,
    "config_version": TenantExtensionInstallConfig.version,
    "config_id": TenantExtensionInstallConfig.id,
    "secrets_id": TenantExtensionInstallSecrets.id,
    "ciphertext": TenantExtensionInstallSecrets.ciphertext,
    "algorithm": TenantExtensionInstallSecrets.algorithm,
    "transit_key": TenantExtensionInstallSecrets.transit_key,
    "transit_mount": TenantExtensionInstallSecrets.transit_mount,
    "secrets_version": TenantExtensionInstallSecrets.version,
    "secrets_end": TenantExtensionInstallSecrets.expires_at,
}
_NAMES = tuple(_ROW)


def _installs(named: ColumnElement[bool], most: int) -> Prepared:
    """Selects at most so many of a tenant's installs, with what a call needs of them."""
    config, secrets = TenantExtensionInstallConfig, TenantExtensionInstallSecrets
    of_config = (config.install_id == TenantExtensionInstall.id) & (config.tenant_id == TenantExtensionInstall.tenant_id)
    with_disabled = bindparam("with_disabled", type_=Boolean).is_(True)
    of_secrets = (secrets.install_id == TenantExtensionInstall.id) & (secrets.tenant_id == TenantExtensionInstall.tenant_id)
    return Prepared(
        select(*_ROW.values())
        .select_from(TenantExtensionInstall)
        .join(ExtensionRegistry, ExtensionRegistry.id == TenantExtensionInstall.registry_id)
        .join(ExtensionVersion, ExtensionVersion.id == TenantExtensionInstall.version_id)
        .outerjoin(config, of_config)
        .outerjoin(secrets, of_secrets)
        .where(TenantExtensionInstall.tenant_id == bindparam("tenant_id"), named, or_(IS_ENABLED, with_disabled))
        .limit(most)
    )


_BY_ID = _installs(or_(has_id(bindparam("id")), has_full_name(bindparam("name"))), 1)
_BY_FULL_NAME = _installs(has_full_name(bindparam("name")), 1)
_BY_NAME = _installs(has_name(bindparam("name")), 2)


async def install_context(
    db: Database, tenant_id: str, extension: str, *, only_enabled: bool = True, now: Callable[[], datetime] = utc_now
) -> InstallContext | None:
    """The tenant's install of `extension` (install id, registry id, `publisher.name`, or a name that is the only one), or None.

    Disabled installs are None unless `only_enabled` is False. Expired secrets are withheld. Raises RegistryError (`ambiguous_extension`).
    """
    found = await read_install(db, tenant_id, extension, only_enabled=only_enabled)
    return None if found is None else found.at(now())


async def read_install(db: Database, tenant_id: str, extension: str, *, only_enabled: bool = True) -> InstallContext | None:
    """The same with the secrets, whether they have expired or not; what is kept is used through `at`."""
    name = extension.strip().lower()
    params = {"tenant_id": tenant_id, "name": name, "with_disabled": not only_enabled}

    async def read(tx: HotTransaction) -> list[Row]:
        known_id = as_uuid(name)
        exact = await (tx.execute(_BY_FULL_NAME, params) if known_id is None else tx.execute(_BY_ID, {**params, "id": known_id}))
        return exact or await tx.execute(_BY_NAME, params)

    rows = [dict(zip(_NAMES, row, strict=True)) for row in await db.read(read)]
    if len(rows) > 1:
        raise ambiguous_extension(extension, [slug(row["publisher"], row["name"]) for row in rows])
    return _context(tenant_id, rows[0]) if rows else None


def _context(tenant_id: str, row: Mapping[str, Any]) -> InstallContext:
    # Not stored: they know how a version and an extension are named.
    version = ExtensionVersion(version_key=row["version_key"], private_tenant=row["private_tenant"], manifest=row["manifest"])
    registry = ExtensionRegistry(publisher=row["publisher"], name=row["name"], display_name=row["registry_display_name"])
    config = row["first_config"] if row["config_id"] is None else row["config"]
    return InstallContext(
        tenant_id=tenant_id,
        install_id=row["install_id"],
        registry_id=row["registry_id"],
        version_id=row["version_id"],
        publisher=row["publisher"],
        name=row["name"],
        version=version.version,
        display_name=display_name(registry, version),
        is_enabled=row["is_enabled"] and row["status"] == "enabled",
        content_hash=row["content_hash"],
        config=as_strings(config),
        settings=_typed(row["manifest"], config),
        config_version=row["config_version"],
        providers=effective_providers(row["granted_caps"]),
        egress=list(row["granted_egress"]),
        egress_withheld=[host for host in row["declared_egress"] if host not in row["granted_egress"]],
        secret_envelope=None if row["secrets_id"] is None else _envelope(row),
        secrets_version=row["secrets_version"],
        secrets_end=row["secrets_end"],
        api_endpoints=read_endpoints(row["api_endpoints"]),
        ui_proxy_routes=_proxy_routes(row["manifest"]),
        ui=row["ui"],
        updated_at=row["updated_at"],
        quotas=QuotaOverrides(**{quota: row[f"quota_{quota}"] for quota in ALL}),
    )


def effective_providers(granted: list[str]) -> list[str]:
    """The capabilities an install may use, sorted: those granted to it and those of every install. A request grants nothing."""
    known, _unknown = parse_capabilities(granted)
    return sorted(known | ALWAYS_GRANTED)


def _proxy_routes(manifest: object) -> list[str]:
    section = manifest.get("uiProxy") if isinstance(manifest, dict) else None
    routes = section.get("routes") if isinstance(section, dict) else None
    return [route for route in routes if isinstance(route, str)] if isinstance(routes, list) else []


def _typed(manifest: object, config: Mapping[str, Any]) -> dict[str, Any] | None:
    settings = typed_settings(manifest.get("settings") if isinstance(manifest, dict) else None, config)
    return None if all(isinstance(value, str) for value in settings.values()) else settings


def as_strings(config: Mapping[str, Any]) -> dict[str, str]:
    """Settings as a guest reads them: null becomes empty text, text stays, anything else becomes JSON."""
    return {key: "" if value is None else value if isinstance(value, str) else _json(value) for key, value in config.items()}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _envelope(row: Mapping[str, Any]) -> SecretEnvelope:
    """The sealed secrets as they are stored."""
    return SecretEnvelope(
        ciphertext_b64=row["ciphertext"],
        algorithm=row["algorithm"],
        key_path=row["transit_key"],
        mount=row["transit_mount"],
        version=row["secrets_version"],
        expires_at=row["secrets_end"].isoformat() if row["secrets_end"] else None,
    )
