"""The settings of an install, and what it is granted: read and changed by those who administer it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.manifest import Manifest
from holdfast.records.columns import new_id, utc_now
from holdfast.records.database import Database
from holdfast.registry.errors import ExtensionNotInstalled, UnknownCapability
from holdfast.registry.lookups import find_install
from holdfast.registry.tables import TenantExtensionInstall, TenantExtensionInstallConfig
from holdfast.world.capabilities import parse_capabilities


async def replace_config(
    db: Database, *, tenant_id: str, extension: str, config: dict[str, Any], now: Callable[[], datetime] = utc_now
) -> str:
    """Replaces all settings of an install. Returns the new settings version. Raises ExtensionNotInstalled."""
    async with db.transaction() as session:
        install = await _install(session, tenant_id, extension)
        row = await _config_row(session, install, now())
        row.config = config
        row.version = new_id()
        row.updated_at = now()
        return row.version


async def set_enabled(db: Database, *, tenant_id: str, extension: str, enabled: bool, now: Callable[[], datetime] = utc_now) -> None:
    """Switches an install on or off. Raises ExtensionNotInstalled."""
    async with db.transaction() as session:
        install = await _install(session, tenant_id, extension)
        install.is_enabled = enabled
        install.updated_at = now()


async def set_grants(
    db: Database, *, tenant_id: str, extension: str, capabilities: Iterable[str], now: Callable[[], datetime] = utc_now
) -> list[str]:
    """Grants an install exactly these capabilities, sorted and returned; all others are revoked.

    Only what its version asks for can be granted. Raises ExtensionNotInstalled, UnknownCapability.
    """
    wanted, unknown = parse_capabilities(capabilities)
    async with db.transaction() as session:
        found = await find_install(session, tenant_id, extension)
        if found is None:
            raise _not_installed(extension)
        install, _registry, version = found
        refused = unknown + sorted(wanted - set(version.capabilities))
        if refused:
            raise UnknownCapability(
                f"The extension does not ask for {', '.join(refused)}.",
                hint="Only capabilities named in its manifest can be granted.",
                details={"unknown": refused},
            )
        install.granted_caps = sorted(wanted)
        install.updated_at = now()
        return install.granted_caps


async def record_defaults(session: AsyncSession, install: TenantExtensionInstall, manifest: Manifest, now: datetime) -> None:
    """Writes the settings row of an install: what is set stays, settings that are new take their default, grants are noted."""
    row = await _config_row(session, install, now)
    defaults = {setting.key: setting.default for setting in manifest.settings if setting.default is not None and setting.type != "secret"}
    merged = {**defaults, **row.config}
    if merged != row.config:
        row.config = merged
        row.version = new_id()
    row.providers = list(install.granted_caps)
    row.updated_at = now
    await session.flush()


async def _config_row(session: AsyncSession, install: TenantExtensionInstall, now: datetime) -> TenantExtensionInstallConfig:
    row = await session.scalar(
        select(TenantExtensionInstallConfig).where(
            TenantExtensionInstallConfig.install_id == install.id, TenantExtensionInstallConfig.tenant_id == install.tenant_id
        )
    )
    if row is None:
        row = TenantExtensionInstallConfig(
            install_id=install.id, tenant_id=install.tenant_id, config=dict(install.config), version=new_id(), created_at=now
        )
        session.add(row)
    return row


async def _install(session: AsyncSession, tenant_id: str, extension: str) -> TenantExtensionInstall:
    found = await find_install(session, tenant_id, extension)
    if found is None:
        raise _not_installed(extension)
    return found[0]


def _not_installed(extension: str) -> ExtensionNotInstalled:
    return ExtensionNotInstalled(f"{extension} is not installed.", hint="`holdfast list` shows what is.")
