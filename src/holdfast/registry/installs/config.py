"""The settings of an install and whether it is enabled: read and changed by administrators."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.manifest.install_settings import MAX_SETTINGS_BYTES, default_settings, secret_setting_keys, validate_settings
from holdfast.bundles.manifest.model import Manifest
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.errors import RegistryError
from holdfast.registry.installs.lookup import require_install
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionRegistry, ExtensionVersion, TenantExtensionInstall, TenantExtensionInstallConfig
from holdfast.registry.publishing.version_manifest import manifest_of


async def read_config(db: Database, *, tenant_id: str, extension: str) -> dict[str, Any]:
    """The settings of a tenant's install. Raises ExtensionNotInstalled, RegistryError (`ambiguous_extension`)."""
    async with db.session() as session:
        install, _registry, _version = await require_install(session, tenant_id, extension)
        row = await _find_row(session, install)
        return dict(install.config if row is None else row.config)


async def replace_config(
    db: Database, *, actor: Actor, extension: str, config: dict[str, Any], now: Callable[[], datetime] = utc_now
) -> str:
    """Replaces all settings of an install. Returns the new settings version.

    Raises ExtensionNotInstalled, RegistryError (`ambiguous_extension`, `settings_too_large`, and `setting_is_secret` when the manifest
    declares it a secret), InvalidSettings when the manifest forbids a value.
    """
    async with db.transaction() as session:
        found = await require_install(session, actor.tenant_id, extension, lock=True)
        row = await _config_row(session, found[0], now())
        _write(session, actor, found, row, config, now())
        return row.version


async def patch_config(
    db: Database,
    *,
    actor: Actor,
    extension: str,
    set: Mapping[str, Any] = MappingProxyType({}),  # noqa: A002 (as it is called in the REST and in SQL)
    unset: Iterable[str] = (),
    now: Callable[[], datetime] = utc_now,
) -> dict[str, Any]:
    """Sets some settings and removes others; the others stay. Returns all settings. Raises as `replace_config` does."""
    async with db.transaction() as session:
        found = await require_install(session, actor.tenant_id, extension, lock=True)
        row = await _config_row(session, found[0], now())
        gone = frozenset(unset)
        config = {key: value for key, value in {**row.config, **set}.items() if key not in gone}
        _write(session, actor, found, row, config, now())
        return config


async def set_enabled(db: Database, *, actor: Actor, extension: str, enabled: bool, now: Callable[[], datetime] = utc_now) -> None:
    """Enables or disables an install. Raises ExtensionNotInstalled, RegistryError (`ambiguous_extension`)."""
    async with db.transaction() as session:
        install, registry, _version = await require_install(session, actor.tenant_id, extension, lock=True)
        install.is_enabled = enabled
        if enabled:
            install.status = "enabled"
        install.updated_at = now()
        record_audit(
            session,
            actor,
            "extension.enabled" if enabled else "extension.disabled",
            resource_id=registry.id,
            resource_name=slug(registry.publisher, registry.name),
            now=now(),
        )


async def record_defaults(session: AsyncSession, install: TenantExtensionInstall, manifest: Manifest | None, now: datetime) -> None:
    """Writes the settings row of an install: existing settings stay, new ones get their default, and the grants are recorded."""
    row = await _config_row(session, install, now)
    merged = {**(default_settings(manifest) if manifest is not None else {}), **row.config}
    if merged != row.config:
        row.config = merged
        row.version = new_id()
    row.providers = list(install.granted_caps)
    row.updated_at = now
    await session.flush()


def _write(
    session: AsyncSession,
    actor: Actor,
    found: tuple[TenantExtensionInstall, ExtensionRegistry, ExtensionVersion],
    row: TenantExtensionInstallConfig,
    config: dict[str, Any],
    now: datetime,
) -> None:
    install, registry, version = found
    _check(manifest_of(version), config)
    changed = sorted(key for key in {*config, *row.config} if key not in config or key not in row.config or config[key] != row.config[key])
    row.config = config
    row.version = new_id()
    row.updated_at = install.updated_at = now
    record_audit(
        session,
        actor,
        "settings.changed",
        resource_id=registry.id,
        resource_name=slug(registry.publisher, registry.name),
        now=now,
        keys=changed,
    )


def _check(manifest: Manifest | None, config: dict[str, Any]) -> None:
    secrets = sorted(secret_setting_keys(manifest) & config.keys()) if manifest is not None else []
    if secrets:
        raise RegistryError(
            "setting_is_secret",
            f"{', '.join(secrets)} is a secret, not a setting: use `holdfast secrets set`.",
            hint="Settings are not encrypted; every administrator can read them.",
            details={"keys": secrets},
        )
    try:
        size = len(json.dumps(config, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError):
        raise RegistryError(
            "settings_too_large", "The settings are not JSON.", hint="Numbers must be finite, and keys must be text."
        ) from None
    if size > MAX_SETTINGS_BYTES:
        raise RegistryError(
            "settings_too_large",
            f"The settings have {size} bytes; at most {MAX_SETTINGS_BYTES} are allowed.",
            hint="Put large values into the extension's storage.",
        )
    if manifest is not None:
        validate_settings(manifest, config)


async def _find_row(session: AsyncSession, install: TenantExtensionInstall) -> TenantExtensionInstallConfig | None:
    return await session.scalar(
        select(TenantExtensionInstallConfig).where(
            TenantExtensionInstallConfig.install_id == install.id, TenantExtensionInstallConfig.tenant_id == install.tenant_id
        )
    )


async def _config_row(session: AsyncSession, install: TenantExtensionInstall, now: datetime) -> TenantExtensionInstallConfig:
    row = await _find_row(session, install)
    if row is None:
        row = TenantExtensionInstallConfig(
            install_id=install.id, tenant_id=install.tenant_id, config=dict(install.config), version=new_id(), created_at=now
        )
        session.add(row)
    return row
