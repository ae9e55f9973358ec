"""The details of one install, without setting values and secrets: for `holdfast show` and administrators."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, column, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.manifest.install_settings import required_secrets, unset_settings
from holdfast.records.database.columns import UuidText
from holdfast.records.database.database import Database
from holdfast.registry.errors import ExtensionNotInstalled
from holdfast.registry.installs.lookup import find_install
from holdfast.registry.installs.results import InstallDetails, PendingUpgrade, ScheduleSummary
from holdfast.registry.models.installs import (
    ExtensionApiEndpoint,
    ExtensionVersion,
    TenantExtensionInstall,
    TenantExtensionInstallConfig,
    TenantExtensionSchedule,
)
from holdfast.registry.models.queries import active_bundle
from holdfast.registry.models.visibility import description, display_name
from holdfast.registry.publishing.signature_check import signing_key_id
from holdfast.registry.publishing.version_manifest import manifest_of

# The storage package is beside this one, not below: only the name of its table is used.
_USAGE = table(
    "ext_storage_usage",
    column("tenant", UuidText),
    column("extension_install_id", UuidText),
    column("bytes_used", BigInteger),
    column("keys_count", Integer),
)


async def read_details(db: Database, *, tenant_id: str, extension: str) -> InstallDetails:
    """The tenant's install of the extension (any of its names). Raises ExtensionNotInstalled, RegistryError (`ambiguous_extension`)."""
    async with db.session() as session:
        found = await find_install(session, tenant_id, extension)
        if found is None:
            raise ExtensionNotInstalled(f"{extension} is not installed.", hint="`holdfast list` shows what is.")
        install, registry, version = found
        bundle = await active_bundle(session, version.id)
        records, used = await _storage(session, install)
        config, manifest = await _config(session, install), manifest_of(version)
        return InstallDetails(
            registry_id=registry.id,
            version_id=version.id,
            install_id=install.id,
            name=registry.name,
            display_name=display_name(registry, version),
            description=description(registry, version),
            publisher=registry.publisher,
            version=version.version,
            content_hash=None if bundle is None else bundle.content_hash,
            size_bytes=None if bundle is None else bundle.size_bytes,
            signing_key_id=None if bundle is None else signing_key_id(bundle.signature),
            is_enabled=install.is_enabled and install.status == "enabled",
            previous_version=await _previous(session, install),
            pending=_pending(install.pending),
            asked=sorted(version.capabilities),
            granted=sorted(install.granted_caps),
            asked_egress=list(version.egress),
            granted_egress=list(install.granted_egress),
            config_keys=sorted(config),
            schedules=await _schedules(session, install),
            storage_records=records,
            storage_bytes=used,
            installed_at=install.created_at,
            updated_at=install.updated_at,
            unset_settings=[] if manifest is None else unset_settings(manifest, config),
            required_secrets=[] if manifest is None else required_secrets(manifest),
        )


async def _previous(session: AsyncSession, install: TenantExtensionInstall) -> str | None:
    version_id = (install.previous or {}).get("version_id")
    previous = None if version_id is None else await session.get(ExtensionVersion, version_id)
    return None if previous is None else previous.version


def _pending(pending: dict[str, Any] | None) -> PendingUpgrade | None:
    if not pending:
        return None
    return PendingUpgrade(
        version=pending["version"], capabilities=list(pending.get("capabilities", [])), egress=list(pending.get("egress", []))
    )


async def _config(session: AsyncSession, install: TenantExtensionInstall) -> dict[str, Any]:
    config = await session.scalar(
        select(TenantExtensionInstallConfig.config).where(
            TenantExtensionInstallConfig.tenant_id == install.tenant_id, TenantExtensionInstallConfig.install_id == install.id
        )
    )
    return install.config if config is None else config


async def _schedules(session: AsyncSession, install: TenantExtensionInstall) -> list[ScheduleSummary]:
    rows = await session.execute(
        select(TenantExtensionSchedule, ExtensionApiEndpoint)
        .outerjoin(
            ExtensionApiEndpoint,
            (ExtensionApiEndpoint.id == TenantExtensionSchedule.endpoint_id) & (ExtensionApiEndpoint.version_id == install.version_id),
        )
        .where(TenantExtensionSchedule.tenant_id == install.tenant_id, TenantExtensionSchedule.install_id == install.id)
        .order_by(TenantExtensionSchedule.created_at, TenantExtensionSchedule.id)
    )
    return [
        ScheduleSummary(
            schedule_id=schedule.id,
            name=schedule.name,
            cron=schedule.cron,
            timezone=schedule.timezone,
            enabled=schedule.enabled,
            method=None if endpoint is None else endpoint.method,
            path=None if endpoint is None else endpoint.path,
        )
        for schedule, endpoint in rows
    ]


async def _storage(session: AsyncSession, install: TenantExtensionInstall) -> tuple[int, int]:
    row = (
        await session.execute(
            select(_USAGE.c.keys_count, _USAGE.c.bytes_used).where(
                _USAGE.c.tenant == install.tenant_id, _USAGE.c.extension_install_id == install.id
            )
        )
    ).first()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))
