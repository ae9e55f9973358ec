"""Pending objects: rows that record which object is on its way into the bundle store, or out of it.

    register_pending ──> [pending row] ──> commit_pending    the object is needed; in the transaction that needs it
                              │
                              ├──────────> cleanup_pending   the object is removed, unless something needs it
                              └──────────> sweep_objects     the same, later, for the rows of killed processes

Exactly one of commit and cleanup deletes the row. Both lock the object's key, so cleanup never removes an object that another transaction
is about to need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.signing.signature_storage import read_stored_signature, signature_key, store_signature
from holdfast.bundles.store.protocol import BundleStore
from holdfast.errors import HoldfastError
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.models.installs import ExtensionBundle, ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.publishing import PendingObject
from holdfast.registry.models.queries import active_bundle
from holdfast.registry.objects.locks import lock_name

_log = structlog.get_logger(__name__)


def manifest_key(bundle_key: str) -> str:
    """The key, in the store, of the manifest of the bundle with that key."""
    return f"{bundle_key.rpartition('/')[0]}/manifest.json"


async def register_pending(session: AsyncSession, key: str, pending_id: str, now: datetime) -> None:
    """Records that the object `key` is about to be put or removed. `pending_id` is a new id."""
    await lock_name(session, key)
    session.add(PendingObject(id=pending_id, key=key, created_at=now))
    await session.flush()


async def commit_pending(session: AsyncSession, pending_id: str) -> bool:
    """Deletes the pending row, in the transaction that needs the object. False when a cleanup deleted it before."""
    deleted = await session.execute(delete(PendingObject).where(PendingObject.id == pending_id).returning(PendingObject.id))
    return deleted.scalar_one_or_none() is not None


async def cleanup_pending(db: Database, store: BundleStore, pending_id: str) -> bool:
    """Deletes the pending row, and its object (with signature and manifest) unless a bundle or another pending row needs it.

    False when there is no such row: it was committed, cleaned up, or never registered. Then nothing is removed. Raises
    BundleStoreUnavailable and errors of the database; then nothing has changed, and a later cleanup can succeed.
    """
    async with db.transaction() as session:
        key = await session.scalar(select(PendingObject.key).where(PendingObject.id == pending_id))
        if key is None:
            return False
        await lock_name(session, key)
        if not await commit_pending(session, pending_id):
            return False
        # Pending rows first, then bundles: a transaction that commits between the two queries is found by the second.
        if await session.scalar(select(PendingObject.id).where(PendingObject.key == key).limit(1)) is None:
            bundle = await _bundle_that_needs(session, key)
            await (_remove(store, key) if bundle is None else _restore_signature(store, key, bundle.signature))
    return True


async def sweep_objects(db: Database, store: BundleStore, *, older_than: timedelta, now: Callable[[], datetime] = utc_now) -> int:
    """Cleans up the pending rows that ended processes left. Returns how many.

    `older_than` must be longer than any publish takes: the sweep cannot tell a slow process from a killed one.
    """
    async with db.session() as session:
        old = select(PendingObject.id).where(PendingObject.created_at < now() - older_than)
        found = (await session.scalars(old)).all()
    return sum([await try_cleanup_pending(db, store, pending_id) is True for pending_id in found])


async def try_cleanup_pending(db: Database, store: BundleStore, pending_id: str) -> bool | None:
    """As `cleanup_pending`, but an error is logged and None is returned: the sweep tries again. Completes even if the task is cancelled."""
    task = asyncio.ensure_future(_try_cleanup(db, store, pending_id))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _try_cleanup(db: Database, store: BundleStore, pending_id: str) -> bool | None:
    try:
        return await cleanup_pending(db, store, pending_id)
    except (HoldfastError, SQLAlchemyError, OSError) as error:
        _log.warning("pending_object_cleanup_failed", pending_id=pending_id, error=type(error).__name__)
        return None


async def _bundle_that_needs(session: AsyncSession, key: str) -> ExtensionBundle | None:
    """The bundle that needs the object: others install from it, or the tenant it belongs to runs it or can roll back to it."""
    parts = key.split("/")
    if len(parts) != 7 or parts[0] != "tenants":
        return None  # an upload: unneeded as soon as its removal is registered
    tenant_id, registry_id, sha256 = parts[1], parts[3], parts[5]
    install = await session.scalar(
        select(TenantExtensionInstall).where(
            TenantExtensionInstall.tenant_id == tenant_id, TenantExtensionInstall.registry_id == registry_id
        )
    )
    used = set() if install is None else {install.version_id, (install.previous or {}).get("version_id")}
    bundles = await session.scalars(
        select(ExtensionBundle)
        .join(ExtensionVersion, ExtensionVersion.id == ExtensionBundle.version_id)
        .where(ExtensionVersion.registry_id == registry_id, ExtensionBundle.content_hash == f"sha256:{sha256}")
        .order_by(ExtensionBundle.created_at.desc())
    )
    for bundle in bundles.all():
        if bundle.storage_url == key or bundle.version_id in used:
            # A development install replaces the content of its version. No install can reach the content of before.
            active = await active_bundle(session, bundle.version_id)
            if active is not None and active.id == bundle.id:
                return bundle
    return None


async def _remove(store: BundleStore, key: str) -> None:
    # The bundle last: while it exists, its signature and manifest are meaningful.
    for object_key in (signature_key(key), manifest_key(key), key):
        if await store.exists(object_key):
            await store.delete(object_key)


async def _restore_signature(store: BundleStore, key: str, signature: str | None) -> None:
    """Makes the stored signature the one of the bundle's row: a failed publish may have put another."""
    stored = await read_stored_signature(store, key)
    wanted = None if signature is None else signature.encode()
    if wanted is not None and stored != wanted:
        await store_signature(store, key, wanted)
    elif wanted is None and stored is not None:
        await store.delete(signature_key(key))
