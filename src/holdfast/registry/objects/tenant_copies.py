"""A tenant's own copies of bundles in the store: brought before the rows that need them, taken away when nothing does."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import structlog
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.cache.errors import ArchiveHashMismatch
from holdfast.bundles.signing.signature_storage import read_stored_signature, store_signature
from holdfast.bundles.store.download import bring_stored, stored_hash
from holdfast.bundles.store.errors import BundleNotFound
from holdfast.bundles.store.hashing import hash_hex
from holdfast.bundles.store.keys import bundle_key
from holdfast.bundles.store.protocol import BundleStore
from holdfast.errors import HoldfastError
from holdfast.records.database.columns import new_id
from holdfast.records.database.database import Database
from holdfast.registry.installs.upgrade_errors import ChangedMeanwhile
from holdfast.registry.models.installs import ExtensionBundle
from holdfast.registry.objects.pending import announce, conclude, settled

ATTEMPTS = 5

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


class Moved(Exception):
    """What was read before a transaction does not hold in it any more; it is to be read again."""


class VersionWithoutBundle(HoldfastError):
    """Raised when a version is known and no bundle of it is."""

    code = "bundle_not_found"
    status = 404


class TenantCopy(Struct, frozen=True, kw_only=True):
    """The copy of a bundle that a tenant's install of an extension runs from. `sha256` is hex; `name` is for messages."""

    tenant_id: str
    registry_id: str
    sha256: str
    name: str

    @classmethod
    def of(cls, tenant_id: str, registry_id: str, bundle: ExtensionBundle | None, name: str) -> TenantCopy:
        """The copy of a bundle. Raises VersionWithoutBundle, InvalidContentHash."""
        if bundle is None:
            raise VersionWithoutBundle(f"The version of {name} has no bundle.", hint="Publish it again under a new version.")
        return cls(tenant_id=tenant_id, registry_id=registry_id, sha256=hash_hex(bundle.content_hash), name=name)

    @property
    def key(self) -> str:
        """Its place in the store. Raises InvalidBundleKey."""
        return bundle_key(self.tenant_id, self.registry_id, self.sha256)


async def with_copy(
    db: Database,
    store: BundleStore,
    copy: TenantCopy,
    bring: Callable[[], Awaitable[None]],
    write: Callable[[AsyncSession], Awaitable[_T]],
    now: Callable[[], datetime],
) -> _T:
    """Has the copy brought, then the rows written that need it, in one transaction.

    While this goes on nobody takes the copy away; when it fails, the copy goes, unless something else needs it. Raises what `bring` and
    `write` raise, and ChangedMeanwhile when others write the same rows again and again.
    """
    lost: IntegrityError | None = None
    for _ in range(ATTEMPTS):
        pending_id = new_id()
        try:
            async with db.transaction() as session:
                await announce(session, copy.key, pending_id, now())
            await bring()
            async with db.transaction() as session:
                if await conclude(session, pending_id):
                    return await write(session)
        except IntegrityError as error:
            # Two wrote the same new row, and this is the one that lost: now it is there to be read.
            lost = error
            await settled(db, store, pending_id)
        except BaseException:
            # Also when the task is cancelled: the store is left as it was found.
            await asyncio.shield(settled(db, store, pending_id))
            raise
    raise ChangedMeanwhile(copy.name) from lost


async def bring_copy(store: BundleStore, copy: TenantCopy, source: str | None) -> None:
    """Copies the bundle at the key `source`, and its signature, to the tenant's own place; the bytes are those of the hash, or it raises.

    What is there already is read, and replaced when it is damaged. Raises BundleNotFound, ArchiveHashMismatch, BundleStoreUnavailable.
    """
    found = await stored_hash(store, copy.key)
    if found != copy.sha256:
        if source is None or source == copy.key:
            raise BundleNotFound(copy.key) if found is None else ArchiveHashMismatch(copy.sha256, found)
        with tempfile.TemporaryDirectory(prefix="holdfast-copy-") as folder:
            fetched = Path(folder) / "bundle.tar.zst"
            computed = await bring_stored(store, source, fetched)
            if computed != copy.sha256:
                raise ArchiveHashMismatch(copy.sha256, computed)
            await store.put(copy.key, fetched)
    if source is None or source == copy.key:
        return
    signature = await read_stored_signature(store, source)
    if signature is not None and signature != await read_stored_signature(store, copy.key):
        await store_signature(store, copy.key, signature)


async def give_up_copies(session: AsyncSession, tenant_id: str, registry_id: str, hashes: Iterable[str], now: datetime) -> dict[str, str]:
    """Says, in the transaction that ends the need for them, that a tenant's copies (by `sha256:…`) are to go.

    Returns ids for `discard_copies`, each with its key in the store. When that is never called, a sweep does the same.
    """
    given_up = {}
    for content_hash in sorted(set(hashes)):
        key, pending_id = bundle_key(tenant_id, registry_id, hash_hex(content_hash)), new_id()
        await announce(session, key, pending_id, now)
        given_up[pending_id] = key
    return given_up


async def discard_copies(db: Database, store: BundleStore, given_up: Mapping[str, str]) -> bool:
    """Deletes, after the commit, those of the given-up copies that nothing needs: no install, no rollback, no others who install from it.

    Whether there was one to delete. What cannot be deleted now is swept up later.
    """
    deleted = False
    for pending_id, key in given_up.items():
        try:
            existed = await store.exists(key)
            if await settled(db, store, pending_id) and existed and not await store.exists(key):
                deleted = True
        except HoldfastError as error:
            _log.warning("a stored bundle could not be deleted", key=key, error=error.code)
    return deleted


async def hashes_of(session: AsyncSession, version_ids: Iterable[str | None]) -> Sequence[str]:
    """The content hashes of all bundles of these versions."""
    wanted = [version_id for version_id in version_ids if version_id is not None]
    return (await session.scalars(select(ExtensionBundle.content_hash).where(ExtensionBundle.version_id.in_(wanted)))).all()
