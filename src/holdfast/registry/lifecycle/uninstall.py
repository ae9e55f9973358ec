"""Uninstalling: the rows go at once, the copies of bundles after that, the stored data after a grace period."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import column, delete, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.records.database.columns import UuidText, utc_now
from holdfast.records.database.database import Database
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.installs.lookup import require_install
from holdfast.registry.installs.results import Uninstalled
from holdfast.registry.installs.schedules import delete_schedules
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import ExtensionBundle, ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.publishing import StorageRemoval
from holdfast.registry.objects.tenant_copies import content_hashes, delete_released, release_copies

# The storage package is beside this one, not below: only the names of its tables are used.
_STORED = tuple(
    table(name, column("tenant", UuidText), column("extension_install_id", UuidText))
    for name in ("ext_storage_records", "ext_storage_schemas", "ext_storage_usage", "ext_storage_namespaces")
)


async def uninstall(using: Collaborators, *, actor: Actor, extension: str) -> Uninstalled:
    """Removes a tenant's install (by any of its names) with its settings, secrets, schedules, subscriptions and copies of bundles.

    What it stored stays for the storage grace period: an install before its end finds it again. The extension, its versions and the bundle
    that others install from stay. Raises ExtensionNotInstalled, RegistryError (`ambiguous_extension`).
    """
    async with using.db.transaction() as session:
        install, registry, version = await require_install(session, actor.tenant_id, extension, lock=True)
        now = using.now()
        remove_at = now + using.storage_grace
        hashes = [
            *await content_hashes(session, [install.version_id, (install.previous or {}).get("version_id")]),
            *await _superseded(session, registry.id),
        ]
        released = await release_copies(session, actor.tenant_id, registry.id, hashes, now)
        await delete_schedules(session, install)
        # Settings, secrets and subscriptions are deleted with it: their rows refer to it.
        await session.execute(
            delete(TenantExtensionInstall).where(
                TenantExtensionInstall.tenant_id == actor.tenant_id, TenantExtensionInstall.id == install.id
            )
        )
        await session.merge(StorageRemoval(tenant=actor.tenant_id, extension_install_id=install.id, remove_at=remove_at, created_at=now))
        record_audit(
            session,
            actor,
            "extension.uninstalled",
            resource_id=registry.id,
            resource_name=slug(registry.publisher, registry.name),
            now=now,
            version=version.version,
        )
    return Uninstalled(
        registry_id=registry.id,
        install_id=install.id,
        name=registry.name,
        publisher=registry.publisher,
        version=version.version,
        bundle_deleted=await delete_released(using.db, using.store, released),
        storage_until=remove_at,
    )


async def retain_storage(session: AsyncSession, tenant_id: str, install_id: str) -> None:
    """Cancels the removal of what an earlier install with that id stored."""
    await session.execute(
        delete(StorageRemoval).where(StorageRemoval.tenant == tenant_id, StorageRemoval.extension_install_id == install_id)
    )


async def remove_due_storage(db: Database, now: Callable[[], datetime] = utc_now) -> int:
    """Deletes the stored data of uninstalled extensions whose grace period is over. Returns the number of extensions."""
    async with db.session() as session:
        due = (await session.scalars(select(StorageRemoval).where(StorageRemoval.remove_at <= now()))).all()
    removed = 0
    for found in due:
        async with db.transaction() as session:
            this = (StorageRemoval.tenant == found.tenant) & (StorageRemoval.extension_install_id == found.extension_install_id)
            # Read again and locked: the extension may have been installed since, and an install that starts now waits.
            removal = await session.scalar(select(StorageRemoval).where(this, StorageRemoval.remove_at <= now()).with_for_update())
            if removal is None:
                continue
            for stored in _STORED:
                await session.execute(
                    delete(stored).where(stored.c.tenant == found.tenant, stored.c.extension_install_id == found.extension_install_id)
                )
            await session.delete(removal)
            removed += 1
    return removed


async def _superseded(session: AsyncSession, registry_id: str) -> list[str]:
    """The content that versions had before a development install replaced it. No install can run from it any more."""
    bundles = await session.scalars(
        select(ExtensionBundle)
        .join(ExtensionVersion, ExtensionVersion.id == ExtensionBundle.version_id)
        .where(ExtensionVersion.registry_id == registry_id)
        .order_by(ExtensionBundle.created_at.desc(), ExtensionBundle.content_hash.desc())
    )
    seen: set[str] = set()
    superseded = []
    for bundle in bundles.all():
        if bundle.version_id in seen:
            superseded.append(bundle.content_hash)
        seen.add(bundle.version_id)
    return superseded
