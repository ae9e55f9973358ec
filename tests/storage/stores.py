"""The storage of single installs, and what the database says about it."""

from __future__ import annotations

from sqlalchemy import func, select

from holdfast.records.database.database import Database
from holdfast.storage.limits import StorageLimits
from holdfast.storage.service import ExtensionStorage, StorageService
from holdfast.storage.tables import StorageNamespace, StorageRecord, StorageUsage
from tests.records.databases import TENANT, Clock

INSTALL = "33333333-3333-4333-8333-333333333333"
OTHER_INSTALL = "44444444-4444-4444-8444-444444444444"


def service(db: Database, clock: Clock | None = None, *, tenant: str = TENANT, install: str = INSTALL, **limits: int) -> StorageService:
    return ExtensionStorage(db, limits=StorageLimits(**limits), now=clock or Clock()).of(tenant, install)


async def usage(db: Database, install: str = INSTALL) -> tuple[int, int, int]:
    """Bytes, keys and namespaces, as they are kept up to date."""
    async with db.session() as session:
        row = (await session.scalars(select(StorageUsage).where(StorageUsage.extension_install_id == install))).one()
    return row.bytes_used, row.keys_count, row.namespaces_count


async def counts(db: Database, install: str = INSTALL) -> dict[str, int]:
    """The keys of each namespace, as they are kept up to date."""
    query = select(StorageNamespace.namespace, StorageNamespace.keys_count).where(StorageNamespace.extension_install_id == install)
    async with db.session() as session:
        return {row.namespace: row.keys_count for row in await session.execute(query)}


async def counted(db: Database, install: str = INSTALL) -> tuple[tuple[int, int, int], dict[str, int]]:
    """The same two, counted from the records that are there, expired or not."""
    size = func.sum(StorageRecord.value_size_bytes + StorageRecord.metadata_size_bytes)
    query = (
        select(StorageRecord.namespace, func.count(), size)
        .where(StorageRecord.extension_install_id == install)
        .group_by(StorageRecord.namespace)
    )
    async with db.session() as session:
        rows = (await session.execute(query)).all()
    keys = {namespace: count for namespace, count, _ in rows}
    return (sum(int(used) for *_, used in rows), sum(keys.values()), len(keys)), keys
