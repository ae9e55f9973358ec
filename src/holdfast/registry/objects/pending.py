"""Objects on their way into the bundle store, or out of it: announced before, so that none is left behind by whoever fails or is killed.

The store knows no transactions, so a row says which object somebody is about to put. The transaction that makes the object needed takes
the row away; without it, `settle` does, and removes the object if nobody needs it. Both cannot happen.
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
from holdfast.registry.installs.lookups import active_bundle
from holdfast.registry.models.installs import ExtensionBundle, ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.publishing import PendingObject
from holdfast.registry.objects.locks import hold

_log = structlog.get_logger(__name__)


def manifest_key(bundle_key: str) -> str:
    """The key, in the store, of the manifest beside the bundle with that key."""
    return f"{bundle_key.rpartition('/')[0]}/manifest.json"


async def announce(session: AsyncSession, key: str, pending_id: str, now: datetime) -> None:
    """Says, in a transaction of its own or another, that the object `key` will be put or removed. `pending_id` is a new id."""
    await hold(session, key)
    session.add(PendingObject(id=pending_id, key=key, created_at=now))
    await session.flush()


async def conclude(session: AsyncSession, pending_id: str) -> bool:
    """Takes the announcement away, in the transaction that makes the object needed. False when somebody settled it already."""
    gone = await session.execute(delete(PendingObject).where(PendingObject.id == pending_id).returning(PendingObject.id))
    return gone.scalar_one_or_none() is not None


async def settle(db: Database, store: BundleStore, pending_id: str) -> bool:
    """Takes the announcement away and removes its object (with what lies beside it) when nobody needs it, and nobody else is about to.

    False when the announcement was concluded, settled or never made; then nothing is removed. Raises BundleStoreUnavailable, errors of
    the database; then all is as before, and it can be settled later.
    """
    async with db.transaction() as session:
        key = await session.scalar(select(PendingObject.key).where(PendingObject.id == pending_id))
        if key is None:
            return False
        await hold(session, key)
        if not await conclude(session, pending_id):
            return False
        # First the others, then the bundles: who has concluded between the two questions is found by the second.
        if await session.scalar(select(PendingObject.id).where(PendingObject.key == key).limit(1)) is None:
            bundle = await _bundle_of(session, key)
            await (_remove(store, key) if bundle is None else _mend_signature(store, key, bundle.signature))
    return True


async def sweep_objects(db: Database, store: BundleStore, *, older_than: timedelta, now: Callable[[], datetime] = utc_now) -> int:
    """Settles what processes have announced that are no more; how many. `older_than` must be longer than any publish takes."""
    async with db.session() as session:
        old = select(PendingObject.id).where(PendingObject.created_at < now() - older_than)
        found = (await session.scalars(old)).all()
    return sum([await settled(db, store, pending_id) is True for pending_id in found])


async def settled(db: Database, store: BundleStore, pending_id: str) -> bool | None:
    """As `settle`; None, and a line in the log, where that raises: the sweep tries again. To its end also when the caller is cancelled."""
    task = asyncio.ensure_future(_settled(db, store, pending_id))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _settled(db: Database, store: BundleStore, pending_id: str) -> bool | None:
    try:
        return await settle(db, store, pending_id)
    except (HoldfastError, SQLAlchemyError, OSError) as error:
        _log.warning("an object of the bundle store could not be tidied up", pending=pending_id, error=type(error).__name__)
        return None


async def _bundle_of(session: AsyncSession, key: str) -> ExtensionBundle | None:
    """The bundle that needs the object: others install it from there, or the tenant of that place runs it or can go back to it."""
    parts = key.split("/")
    if len(parts) != 7 or parts[0] != "tenants":
        return None  # an upload, which nobody needs once it was announced that it goes
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
            # In development a version may have had other content before: that is needed by nobody.
            active = await active_bundle(session, bundle.version_id)
            if active is not None and active.id == bundle.id:
                return bundle
    return None


async def _remove(store: BundleStore, key: str) -> None:
    # The bundle last: as long as it is there, what lies beside it has a meaning.
    for object_key in (signature_key(key), manifest_key(key), key):
        if await store.exists(object_key):
            await store.delete(object_key)


async def _mend_signature(store: BundleStore, key: str, signature: str | None) -> None:
    """The signature beside a bundle that stays is the one of its row: not the one of a publish that failed."""
    stored = await read_stored_signature(store, key)
    wanted = None if signature is None else signature.encode()
    if wanted is not None and stored != wanted:
        await store_signature(store, key, wanted)
    elif wanted is None and stored is not None:
        await store.delete(signature_key(key))
