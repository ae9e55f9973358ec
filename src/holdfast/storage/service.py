"""The key-value store of one install: get, put, delete, list, bulk put, with revisions, expiry and quotas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.storage.errors import StorageError
from holdfast.storage.limits import (
    KEY_LENGTH,
    LIST_DEFAULT,
    LIST_MAX,
    StorageLimits,
    check_key,
    check_namespace,
    check_ttl,
    check_value,
    decode_cursor,
    encode_cursor,
)
from holdfast.storage.tables import StorageRecord
from holdfast.storage.usage import Ledger


@dataclass(frozen=True, kw_only=True)
class Write:
    """One record to write. `if_revision` is the revision it must have now; 0: it must not exist; None: no condition."""

    key: str
    value: Any
    metadata: dict[str, Any] = field(default_factory=dict)
    ttl_seconds: int | None = None
    if_revision: int | None = None


@dataclass(frozen=True)
class Page:
    """One page of a listing; `next_cursor` is None on the last."""

    records: list[StorageRecord]
    next_cursor: str | None


class StorageService:
    """Storage of one install of one tenant. Each operation is one transaction; expired records do not exist for any of them."""

    def __init__(
        self,
        db: Database,
        *,
        tenant_id: str,
        install_id: str,
        limits: StorageLimits | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._tenant = tenant_id
        self._install = install_id
        self._limits = limits or StorageLimits()
        self._now = now

    async def get(self, namespace: str, key: str, *, if_revision: int | None = None) -> StorageRecord:
        """The record. Raises StorageError: `NOT_FOUND`, or `REVISION_MISMATCH` when it is not at `if_revision`."""
        check_namespace(namespace)
        check_key(key)
        async with self._db.session() as session:
            record = await self._find(session, namespace, key)
        if record is None or self._expired(record):
            raise StorageError("NOT_FOUND", "record not found")
        _check_revision(record.revision, if_revision)
        return record

    async def put(self, namespace: str, write: Write) -> StorageRecord:
        """Writes one record: revision 1 when new, one more otherwise. Raises StorageError."""
        return (await self._put_all(namespace, [write]))[0]

    async def bulk_put(self, namespace: str, writes: Sequence[Write]) -> list[StorageRecord]:
        """Writes all records or none.

        Raises StorageError: `LIMIT_EXCEEDED` for too much, `VALIDATION_FAILED` for no items or a repeated key.
        """
        if not writes:
            raise StorageError("VALIDATION_FAILED", "bulkPut needs at least one item.")
        if len(writes) > self._limits.bulk_items:
            raise StorageError(
                "LIMIT_EXCEEDED",
                f"bulkPut accepts at most {self._limits.bulk_items} items.",
                details={"limit": self._limits.bulk_items, "attempted": len(writes)},
            )
        if len({write.key for write in writes}) != len(writes):
            raise StorageError("VALIDATION_FAILED", "bulkPut has a key twice.")
        return await self._put_all(namespace, writes)

    async def delete(self, namespace: str, key: str, *, if_revision: int | None = None) -> bool:
        """Removes a record; False when it does not exist. Raises StorageError (`REVISION_MISMATCH`) when it exists at another revision."""
        check_namespace(namespace)
        check_key(key)
        async with self._db.transaction() as session:
            ledger = await Ledger.open(session, self._tenant, self._install, self._limits, self._now())
            record = await self._find(session, namespace, key)
            if record is None:
                return False
            _check_revision(record.revision, if_revision)
            await session.delete(record)
            await session.flush()
            await ledger.removed(record)
        return True

    async def list_records(
        self, namespace: str, *, limit: int | None = None, cursor: str | None = None, key_prefix: str | None = None
    ) -> Page:
        """One page of records in the order of their keys (by code point). `limit` is clamped to 1 to 100, 25 when None."""
        check_namespace(namespace)
        if key_prefix is not None and len(key_prefix) > KEY_LENGTH:
            raise StorageError("VALIDATION_FAILED", f"keyPrefix has at most {KEY_LENGTH} characters.")
        size = LIST_DEFAULT if limit is None else min(max(limit, 1), LIST_MAX)
        query = select(StorageRecord).where(*self._scope(namespace), self._alive()).order_by(StorageRecord.key).limit(size + 1)
        if cursor is not None:
            query = query.where(StorageRecord.key > decode_cursor(cursor))
        if key_prefix:
            # A range rather than LIKE: exact in letter case on both databases, and served by the primary key.
            query = query.where(StorageRecord.key >= key_prefix)
            if (after := _after_prefix(key_prefix)) is not None:
                query = query.where(StorageRecord.key < after)
        async with self._db.session() as session:
            found = list((await session.scalars(query)).all())
        records = found[:size]
        return Page(records, encode_cursor(records[-1].key) if len(found) > size else None)

    async def _put_all(self, namespace: str, writes: Sequence[Write]) -> list[StorageRecord]:
        check_namespace(namespace)
        sizes = [self._checked(write) for write in writes]
        total = sum(value + metadata for value, metadata in sizes)
        if len(writes) > 1 and total > self._limits.bulk_bytes:
            raise StorageError(
                "LIMIT_EXCEEDED",
                f"bulkPut accepts at most {self._limits.bulk_bytes} bytes.",
                details={"limit": self._limits.bulk_bytes, "attempted": total},
            )
        async with self._db.transaction() as session:
            now = self._now()
            ledger = await Ledger.open(session, self._tenant, self._install, self._limits, now)
            records = [await self._write(session, ledger, namespace, write, size, now) for write, size in zip(writes, sizes, strict=True)]
            ledger.check_total()
        return records

    def _checked(self, write: Write) -> tuple[int, int]:
        check_key(write.key)
        check_ttl(write.ttl_seconds, self._limits)
        return check_value(write.value, write.metadata, self._limits)

    async def _write(
        self, session: AsyncSession, ledger: Ledger, namespace: str, write: Write, size: tuple[int, int], now: datetime
    ) -> StorageRecord:
        record = await self._find(session, namespace, write.key)
        _check_revision(0 if record is None else record.revision, write.if_revision)
        if record is None:
            record = StorageRecord(
                tenant=self._tenant, extension_install_id=self._install, namespace=namespace, key=write.key, revision=0, created_at=now
            )
            await ledger.added(namespace)
            session.add(record)
        ledger.resized(record, sum(size))
        record.revision += 1
        record.value = write.value
        record.record_metadata = write.metadata
        record.value_size_bytes, record.metadata_size_bytes = size
        record.ttl_expires_at = None if write.ttl_seconds is None else now + timedelta(seconds=write.ttl_seconds)
        record.updated_at = now
        await session.flush()
        return record

    async def _find(self, session: AsyncSession, namespace: str, key: str) -> StorageRecord | None:
        return await session.scalar(select(StorageRecord).where(*self._scope(namespace), StorageRecord.key == key))

    def _scope(self, namespace: str) -> tuple[ColumnElement[bool], ...]:
        return (
            StorageRecord.tenant == self._tenant,
            StorageRecord.extension_install_id == self._install,
            StorageRecord.namespace == namespace,
        )

    def _alive(self) -> ColumnElement[bool]:
        return or_(StorageRecord.ttl_expires_at.is_(None), StorageRecord.ttl_expires_at > self._now())

    def _expired(self, record: StorageRecord) -> bool:
        return record.ttl_expires_at is not None and record.ttl_expires_at <= self._now()


def _check_revision(actual: int, expected: int | None) -> None:
    if expected is not None and actual != expected:
        raise StorageError(
            "REVISION_MISMATCH", "the record is not at the expected revision", details={"expected": expected, "actual": actual}
        )


def _after_prefix(prefix: str) -> str | None:
    """The smallest text above every text that starts with `prefix`; None if no such text exists."""
    for end in range(len(prefix), 0, -1):
        point = ord(prefix[end - 1])
        # The code points above U+D7FF and below U+E000 are not characters.
        following = 0xE000 if point == 0xD7FF else point + 1
        if following <= 0x10FFFF:
            return prefix[: end - 1] + chr(following)
    return None
