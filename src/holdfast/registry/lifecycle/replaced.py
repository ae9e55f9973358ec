"""Removes what development installs have replaced: rows and objects that no install can reach any more. Decision 0054.

private version 1.0.0 of a tenant:    bundle ── install of other content ──▶ replaced bundle
                                      (active)                                    │ older than the KEPT_BUNDLES newest replaced ones: in the
                                                                                  │ transaction of that install; the others: swept after
                                                                                  ▼ REPLACED_FOR
private version, no install needs it, not the tenant's newest ── swept ─▶ rows deleted, object registered as pending ── commit ──▶ object
of the extension, last installed before UNUSED_FOR                                                                                 removed

Only private versions of the tenant: never a published version, never another tenant's. A killed process leaves the pending row, and the
sweep of pending objects removes the object. Locks are taken in this order: install, version, names of objects (sorted).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.store.hashing import normalize_content_hash
from holdfast.bundles.store.keys import bundle_key
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.models.installs import ExtensionApiEndpoint, ExtensionBundle, ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.publishing import PendingObject
from holdfast.registry.models.queries import NEWEST_BUNDLE
from holdfast.registry.objects.locks import lock_name
from holdfast.registry.objects.tenant_copies import delete_released, release_copies

KEPT_BUNDLES = 2
"""Replaced bundles of a version that stay for a while: a call that has just been accepted may still be about to fetch one."""
REPLACED_FOR = timedelta(minutes=10)
UNUSED_FOR = timedelta(days=1)


async def release_replaced(session: AsyncSession, version: ExtensionVersion, now: datetime, *, keep: int = KEPT_BUNDLES) -> dict[str, str]:
    """Deletes the rows of a private version's replaced bundles, but for the `keep` newest, and releases their objects.

    The caller holds the lock of the install. Returns what `delete_released` needs after the commit; nothing for a public version.
    """
    if version.private_tenant is None:
        return {}
    replaced = (await _bundles(session, version.id))[1 + keep :]
    return await _delete_bundles(session, version, version.private_tenant, replaced, now)


async def sweep_replaced(db: Database, store: BundleStore, *, now: Callable[[], datetime] = utc_now) -> int:
    """Removes the replaced bundles and the unused private versions of all tenants whose time is over. Returns how many bundles."""
    removed = 0
    async with db.session() as session:
        private = (await session.scalars(select(ExtensionVersion.id).where(ExtensionVersion.private_tenant.is_not(None)))).all()
    for version_id in private:
        for sweep in (_sweep_version, _sweep_bundles):
            async with db.transaction() as session:
                released = await sweep(session, version_id, now())
            if released:
                await delete_released(db, store, released)
                removed += len(released)
    return removed


async def _sweep_version(session: AsyncSession, version_id: str, now: datetime) -> dict[str, str]:
    """Deletes a version that is unused and whose time is over, with all its bundles."""
    version = await session.get(ExtensionVersion, version_id, with_for_update=True)
    bundles = await _bundles(session, version_id)
    if version is None or version.private_tenant is None or not bundles or bundles[0].created_at > now - UNUSED_FOR:
        return {}
    if not await _has_newer(session, version, bundles[0]) or not await _is_unused(session, version):
        return {}
    return await _delete_version(session, version, bundles, now)


async def _sweep_bundles(session: AsyncSession, version_id: str, now: datetime) -> dict[str, str]:
    """Deletes the replaced bundles of a version whose time is over."""
    version = await session.get(ExtensionVersion, version_id)
    bundles = await _bundles(session, version_id)
    if version is None or len(bundles) < 2 or bundles[0].created_at > now - REPLACED_FOR:
        return {}
    await _lock_install(session, version)
    return await release_replaced(session, version, now, keep=0)


async def _has_newer(session: AsyncSession, version: ExtensionVersion, active: ExtensionBundle) -> bool:
    """Whether the tenant has installed another private version of the extension since. Without one, the version stays: it can be installed
    by its name."""
    newer = (
        select(ExtensionBundle.id)
        .join(ExtensionVersion, ExtensionVersion.id == ExtensionBundle.version_id)
        .where(
            ExtensionVersion.registry_id == version.registry_id,
            ExtensionVersion.private_tenant == version.private_tenant,
            ExtensionVersion.id != version.id,
            ExtensionBundle.created_at > active.created_at,
        )
    )
    return await session.scalar(newer.limit(1)) is not None


async def _is_unused(session: AsyncSession, version: ExtensionVersion) -> bool:
    """Whether no install of any tenant is at the version, can go back to it or waits for it."""
    # Who begins to use the version now waits for its lock, and then finds it gone.
    columns = (TenantExtensionInstall.version_id, TenantExtensionInstall.previous, TenantExtensionInstall.pending)
    installs = await session.execute(select(*columns).where(TenantExtensionInstall.registry_id == version.registry_id))
    return all(
        version.id not in (at, (previous or {}).get("version_id"), (pending or {}).get("version_id")) for at, previous, pending in installs
    )


async def _delete_version(
    session: AsyncSession, version: ExtensionVersion, bundles: Sequence[ExtensionBundle], now: datetime
) -> dict[str, str]:
    """Deletes the rows of a version, unless one of its archives is being installed at this moment."""
    assert version.private_tenant is not None
    released = await _delete_bundles(session, version, version.private_tenant, bundles, now)
    left = await session.scalar(select(func.count()).select_from(ExtensionBundle).where(ExtensionBundle.version_id == version.id))
    if not left:
        await session.execute(delete(ExtensionApiEndpoint).where(ExtensionApiEndpoint.version_id == version.id))
        await session.execute(delete(ExtensionVersion).where(ExtensionVersion.id == version.id))
    return released


async def _delete_bundles(
    session: AsyncSession, version: ExtensionVersion, tenant_id: str, bundles: Sequence[ExtensionBundle], now: datetime
) -> dict[str, str]:
    """Deletes the rows and releases the objects, except of an archive that is on its way into the store: that one is needed again."""
    keys = {bundle_key(tenant_id, version.registry_id, normalize_content_hash(bundle.content_hash)): bundle for bundle in bundles}
    deleted = []
    for key, bundle in sorted(keys.items()):
        await lock_name(session, key)
        if await session.scalar(select(PendingObject.id).where(PendingObject.key == key).limit(1)) is None:
            await session.execute(delete(ExtensionBundle).where(ExtensionBundle.id == bundle.id))
            deleted.append(bundle.content_hash)
    return await release_copies(session, tenant_id, version.registry_id, deleted, now)


async def _bundles(session: AsyncSession, version_id: str) -> Sequence[ExtensionBundle]:
    """The bundles of a version, the active one first."""
    return (await session.scalars(select(ExtensionBundle).where(ExtensionBundle.version_id == version_id).order_by(*NEWEST_BUNDLE))).all()


async def _lock_install(session: AsyncSession, version: ExtensionVersion) -> None:
    """Waits for a development install that is replacing the content of this version."""
    await session.execute(
        select(TenantExtensionInstall.id)
        .where(TenantExtensionInstall.tenant_id == version.private_tenant, TenantExtensionInstall.registry_id == version.registry_id)
        .with_for_update()
    )
