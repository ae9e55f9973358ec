"""What an install uses of its storage, counted with every write. Opening the ledger also orders the writes of an install."""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.storage.errors import StorageError
from holdfast.storage.limits import StorageLimits
from holdfast.storage.tables import StorageRecord, StorageUsage


class Ledger:
    """The usage row of one install, held locked until the transaction ends."""

    def __init__(self, session: AsyncSession, row: StorageUsage, limits: StorageLimits) -> None:
        self._session = session
        self._row = row
        self._limits = limits

    @classmethod
    async def open(cls, session: AsyncSession, tenant_id: str, install_id: str, limits: StorageLimits, now: datetime) -> Ledger:
        """Locks the install's usage row, making it when absent, and removes expired records.

        The lock is what makes two first writes of one key happen one after the other: the second then sees the first.
        """
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        await session.execute(
            insert(StorageUsage)
            .values(tenant=tenant_id, extension_install_id=install_id, bytes_used=0, keys_count=0, namespaces_count=0, updated_at=now)
            .on_conflict_do_nothing()
        )
        row = (
            await session.scalars(
                select(StorageUsage)
                .where(StorageUsage.tenant == tenant_id, StorageUsage.extension_install_id == install_id)
                .with_for_update()
            )
        ).one()
        ledger = cls(session, row, limits)
        await ledger._sweep(now)
        row.updated_at = now
        return ledger

    async def added(self, namespace: str) -> None:
        """Counts a key about to be added. Raises StorageError (`QUOTA_EXCEEDED`) when its namespace or the install is full."""
        keys = await self._keys_in(namespace)
        if keys >= self._limits.keys_per_namespace:
            _raise_quota_exceeded(
                f"A namespace holds at most {self._limits.keys_per_namespace} keys.", self._limits.keys_per_namespace, keys + 1
            )
        if keys == 0:
            self._row.namespaces_count += 1
            if self._row.namespaces_count > self._limits.namespaces:
                _raise_quota_exceeded(
                    f"An install has at most {self._limits.namespaces} namespaces.", self._limits.namespaces, self._row.namespaces_count
                )
        self._row.keys_count += 1

    def resized(self, record: StorageRecord, size: int) -> None:
        """Counts the new size of a record that still has its old size fields."""
        self._row.bytes_used += size - (record.value_size_bytes or 0) - (record.metadata_size_bytes or 0)

    async def removed(self, record: StorageRecord) -> None:
        """Counts a record that was deleted."""
        self._row.keys_count -= 1
        self._row.bytes_used -= record.value_size_bytes + record.metadata_size_bytes
        if await self._keys_in(record.namespace) == 0:
            self._row.namespaces_count -= 1

    def check_total(self) -> None:
        """Raises StorageError (`QUOTA_EXCEEDED`) when the install now holds more bytes than allowed."""
        if self._row.bytes_used > self._limits.total_bytes:
            _raise_quota_exceeded(
                f"An install stores at most {self._limits.total_bytes} bytes.", self._limits.total_bytes, self._row.bytes_used
            )

    async def _keys_in(self, namespace: str) -> int:
        # At most the keys one namespace may have, counted on the primary key.
        query = select(func.count()).where(*self._install(), StorageRecord.namespace == namespace)
        return await self._session.scalar(query) or 0

    def _install(self) -> tuple[ColumnElement[bool], ...]:
        return (StorageRecord.tenant == self._row.tenant, StorageRecord.extension_install_id == self._row.extension_install_id)

    async def _sweep(self, now: datetime) -> None:
        expired = await self._session.execute(
            delete(StorageRecord).where(*self._install(), StorageRecord.ttl_expires_at <= now).returning(StorageRecord.key)
        )
        if expired.first() is None:
            return
        # Expiry is rare, so the totals are counted again instead of tracked.
        totals = await self._session.execute(
            select(
                func.count(),
                func.coalesce(func.sum(StorageRecord.value_size_bytes + StorageRecord.metadata_size_bytes), 0),
                func.count(StorageRecord.namespace.distinct()),
            ).where(*self._install())
        )
        keys, size, namespaces = totals.one()
        self._row.keys_count, self._row.bytes_used, self._row.namespaces_count = keys, int(size), namespaces


def _raise_quota_exceeded(message: str, limit: int, attempted: int) -> NoReturn:
    raise StorageError(
        "QUOTA_EXCEEDED", message, hint="Delete records that are no longer needed.", details={"limit": limit, "attempted": attempted}
    )
