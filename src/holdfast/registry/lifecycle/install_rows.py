"""The rows of an install when it gets a version. Every way to install ends here: from a name, from an archive, upgrade and rollback."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.manifest.model import Manifest
from holdfast.bundles.signing.status import SignatureStatus
from holdfast.records.database.uuids import new_id
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.installs.config import record_defaults
from holdfast.registry.installs.domains import assign_domain
from holdfast.registry.installs.permissions import Permissions, granted_to, requested_by, set_granted
from holdfast.registry.installs.results import Installed, MissingSchedule
from holdfast.registry.installs.schedules import Calls, move_schedules, scheduled_calls
from holdfast.registry.installs.subscriptions import record_install_event, replace_subscriptions
from holdfast.registry.lifecycle.uninstall import retain_storage
from holdfast.registry.models.ids import install_id as named_install_id
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionRegistry, ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.visibility import display_name
from holdfast.registry.objects.tenant_copies import content_hashes, release_copies
from holdfast.registry.publishing.version_manifest import manifest_of
from holdfast.world.topics import INSTALLED, UPGRADED


class Before(Struct, frozen=True, kw_only=True):
    """What an install was before it gets a version, read before the rows of that version are written: they may be the same rows."""

    version_id: str
    version: str
    manifest: Manifest | None
    revoked: Permissions
    calls: Calls


async def lock_install(session: AsyncSession, tenant_id: str, registry_id: str) -> TenantExtensionInstall | None:
    """The tenant's install of an extension, locked until the transaction ends; None without one."""
    return await session.scalar(
        select(TenantExtensionInstall)
        .where(TenantExtensionInstall.tenant_id == tenant_id, TenantExtensionInstall.registry_id == registry_id)
        .with_for_update()
    )


async def read_before(session: AsyncSession, install: TenantExtensionInstall | None) -> Before | None:
    """What an install is now; None without one."""
    version = None if install is None else await session.get(ExtensionVersion, install.version_id)
    if install is None or version is None:
        return None
    return Before(
        version_id=version.id,
        version=version.version,
        manifest=manifest_of(version),
        revoked=requested_by(version) - granted_to(install),
        calls=await scheduled_calls(session, install),
    )


async def create_install(
    session: AsyncSession, tenant_id: str, registry: ExtensionRegistry, version: ExtensionVersion, now: datetime
) -> TenantExtensionInstall:
    """The row of a first install, enabled and without grants; what an earlier install of the extension stored is retained for it."""
    install_id = named_install_id(tenant_id, registry.publisher, registry.name)
    if await session.get(TenantExtensionInstall, install_id) is not None:
        # Somebody moved that install to another tenant with SQL; it keeps its id.
        install_id = new_id()
    await retain_storage(session, tenant_id, install_id)
    install = TenantExtensionInstall(
        id=install_id,
        tenant_id=tenant_id,
        registry_id=registry.id,
        version_id=version.id,
        config={},
        is_enabled=True,
        status="enabled",
        runner_status={"state": "ready"},
        created_at=now,
    )
    session.add(install)
    return install


async def release_previous(session: AsyncSession, install: TenantExtensionInstall, now: datetime) -> dict[str, str]:
    """Releases the copies of the version that a rollback led to until now. Returns what `delete_released` needs."""
    dropped = await content_hashes(session, [(install.previous or {}).get("version_id")])
    return await release_copies(session, install.tenant_id, install.registry_id, dropped, now)


async def set_version(
    session: AsyncSession,
    install: TenantExtensionInstall,
    version: ExtensionVersion,
    granted: Permissions,
    before: Before | None,
    *,
    disable_missing: bool,
    enable_again: bool = False,
    now: datetime,
) -> list[MissingSchedule]:
    """Gives an install its version and grants, moves its schedules there, adds default settings and subscriptions to events.

    Returns the schedules it disabled. When the version is another one, a rollback leads to the one before. Raises SchedulesMissing
    unless `disable_missing`.
    """
    disabled = await move_schedules(
        session,
        install,
        [] if before is None else before.calls,
        None if before is None else before.manifest,
        version,
        disable_missing=disable_missing,
        enable_again=enable_again,
        now=now,
    )
    if before is not None and before.version_id != version.id:
        install.previous = {
            "version_id": before.version_id,
            "granted_caps": list(install.granted_caps),
            "granted_egress": list(install.granted_egress),
        }
    install.pending = None
    install.version_id = version.id
    install.updated_at = now
    set_granted(install, granted)
    manifest = manifest_of(version)
    await record_defaults(session, install, manifest, now)
    await replace_subscriptions(session, install, manifest, now)
    if before is None:
        await record_install_event(session, install, INSTALLED, {"version": version.version}, now)
    elif before.version_id != version.id:
        versions = {"version": version.version, "previousVersion": before.version}
        await record_install_event(session, install, UPGRADED, versions, now)
    return disabled


async def finish_install(
    session: AsyncSession,
    actor: Actor,
    install: TenantExtensionInstall,
    registry: ExtensionRegistry,
    version: ExtensionVersion,
    domain_root: str | None,
    now: datetime,
) -> None:
    """Assigns the host name and writes the audit row: the end of every install, but not of upgrade and rollback."""
    await assign_domain(session, install, domain_root)
    await session.flush()
    record_audit(
        session,
        actor,
        "extension.installed",
        resource_id=registry.id,
        resource_name=slug(registry.publisher, registry.name),
        now=now,
        version=version.version,
        granted=install.granted_caps,
        egress=install.granted_egress,
    )


def describe_install(
    install: TenantExtensionInstall,
    registry: ExtensionRegistry,
    version: ExtensionVersion,
    *,
    content_hash: str,
    verdict: SignatureStatus | None,
    replaced: str | None,
) -> Installed:
    """The result of an install, from its rows."""
    return Installed(
        registry_id=registry.id,
        version_id=version.id,
        install_id=install.id,
        content_hash=content_hash,
        name=registry.name,
        display_name=display_name(registry, version),
        publisher=registry.publisher,
        version=version.version,
        granted=list(install.granted_caps),
        egress=list(install.granted_egress),
        verdict=verdict,
        replaced=replaced,
    )
