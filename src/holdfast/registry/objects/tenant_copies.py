"""A tenant's own copies of bundles in the store: copied before the rows that need them are written, removed when nothing needs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import structlog
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.cache.errors import ArchiveHashMismatch
from holdfast.bundles.signing.signature_storage import read_stored_signature, store_signature
from holdfast.bundles.store.download import download_object, hash_stored_object
from holdfast.bundles.store.errors import BundleNotFound
from holdfast.bundles.store.hashing import normalize_content_hash
from holdfast.bundles.store.keys import bundle_key
from holdfast.bundles.store.protocol import BundleStore
from holdfast.concurrency.workspaces import temporary_folder
from holdfast.errors import HoldfastError
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.errors import RegistryError
from holdfast.registry.models.installs import ExtensionBundle
from holdfast.registry.objects.pending import register_pending, try_cleanup_pending

_log = structlog.get_logger(__name__)


class TenantCopy(Struct, frozen=True, kw_only=True):
    """The copy of a bundle that a tenant's install of an extension runs from. `sha256` is hex; `name` is for messages."""

    tenant_id: str
    registry_id: str
    sha256: str
    name: str

    @classmethod
    def from_bundle(cls, tenant_id: str, registry_id: str, bundle: ExtensionBundle | None, name: str) -> TenantCopy:
        """The copy of a bundle. Raises RegistryError (`bundle_not_found`), InvalidContentHash."""
        if bundle is None:
            raise RegistryError("bundle_not_found", f"The version of {name} has no bundle.", hint="Publish it again under a new version.")
        return cls(tenant_id=tenant_id, registry_id=registry_id, sha256=normalize_content_hash(bundle.content_hash), name=name)

    @property
    def key(self) -> str:
        """Its place in the store. Raises InvalidBundleKey."""
        return bundle_key(self.tenant_id, self.registry_id, self.sha256)


async def copy_bundle(store: BundleStore, copy: TenantCopy, source: str | None) -> None:
    """Copies the bundle at the key `source`, and its signature, to the tenant's own place.

    The SHA-256 of the copied bytes is checked. An existing copy is read, and replaced when it is damaged. Raises BundleNotFound,
    ArchiveHashMismatch, BundleStoreUnavailable.
    """
    found = await hash_stored_object(store, copy.key)
    if found != copy.sha256:
        if source is None or source == copy.key:
            raise BundleNotFound(copy.key) if found is None else ArchiveHashMismatch(copy.sha256, found)
        with temporary_folder("copy") as folder:
            fetched = folder / "bundle.tar.zst"
            computed = await download_object(store, source, fetched)
            if computed != copy.sha256:
                raise ArchiveHashMismatch(copy.sha256, computed)
            await store.put(copy.key, fetched)
    if source is None or source == copy.key:
        return
    signature = await read_stored_signature(store, source)
    if signature is not None and signature != await read_stored_signature(store, copy.key):
        await store_signature(store, copy.key, signature)


async def release_copies(session: AsyncSession, tenant_id: str, registry_id: str, hashes: Iterable[str], now: datetime) -> dict[str, str]:
    """Registers, in the transaction that ends the need for them, that a tenant's copies (by `sha256:…`) are to be removed.

    Returns ids for `delete_released`, each with its key in the store. If that is never called, a sweep removes the copies.
    """
    released = {}
    for content_hash in sorted(set(hashes)):
        key, pending_id = bundle_key(tenant_id, registry_id, normalize_content_hash(content_hash)), new_id()
        await register_pending(session, key, pending_id, now)
        released[pending_id] = key
    return released


async def delete_released(db: Database, store: BundleStore, released: Mapping[str, str]) -> bool:
    """Deletes, after the commit, the released copies that nothing needs: no install, no rollback, no other tenant that installs from them.

    Returns whether a copy was deleted. Copies that cannot be deleted now are removed by a later sweep.
    """
    deleted = False
    for pending_id, key in released.items():
        try:
            existed = await store.exists(key)
            if await try_cleanup_pending(db, store, pending_id) and existed and not await store.exists(key):
                deleted = True
        except HoldfastError as error:
            _log.warning("stored_bundle_delete_failed", key=key, error=error.code)
    return deleted


async def content_hashes(session: AsyncSession, version_ids: Iterable[str | None]) -> Sequence[str]:
    """The content hashes (`sha256:…`) of all bundles of these versions."""
    wanted = [version_id for version_id in version_ids if version_id is not None]
    return (await session.scalars(select(ExtensionBundle.content_hash).where(ExtensionBundle.version_id.in_(wanted)))).all()
