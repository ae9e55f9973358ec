"""The key-value store of installs: get, put, delete, list, bulk put, with revisions, expiry and quotas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared
from holdfast.storage import statements
from holdfast.storage.errors import StorageError
from holdfast.storage.ledger import Change, Ledger
from holdfast.storage.limits import (
    KEY_LENGTH,
    LIST_DEFAULT,
    LIST_MAX,
    StorageLimits,
    check_key,
    check_namespace,
    check_ttl,
    decode_cursor,
    encode_checked,
    encode_cursor,
)
from holdfast.storage.records import InstallKey, Page, Record, Write
from holdfast.storage.schema_checks import SchemaChecks
from holdfast.storage.schemas import NamespaceSchemas
from holdfast.storage.write_batches import RunAgain, WriteBatches

EXPIRED_BEFORE_REFUSAL = 1_000
"""Expired records that a write deletes in one transaction before it is refused: more than the background sweep does at once, because its
caller waits."""

_Encoded = tuple[Write, bytes, bytes]
"""A checked write, with its value and metadata as JSON."""


class ExtensionStorage:
    """The storage of all installs in one database. One for a process, because it runs the writes of an install together."""

    def __init__(self, db: Database, *, limits: StorageLimits | None = None, now: Callable[[], datetime] = utc_now) -> None:
        self.db = db
        self.limits = limits or StorageLimits()
        self.now = now
        self.batches = WriteBatches(db)
        self.schema_checks = SchemaChecks()

    def on_growth(self, report: Callable[[InstallKey, int, int, int | None], object]) -> None:
        """Calls `report` after each commit with which an install stores more: with the install, and its bytes before and after."""
        self.batches.on_growth = report

    def of(self, tenant_id: str, install_id: str) -> StorageService:
        """The storage of one install of one tenant."""
        return StorageService(self, InstallKey(tenant_id, install_id))

    def schemas_of(self, tenant_id: str, install_id: str) -> NamespaceSchemas:
        """The schemas of the namespaces of one install of one tenant."""
        return NamespaceSchemas(self.db, InstallKey(tenant_id, install_id), now=self.now)


class StorageService:
    """Storage of one install. Each operation is atomic; expired records do not exist for any of them."""

    def __init__(self, storage: ExtensionStorage, install: InstallKey) -> None:
        self.storage = storage
        self.install = install
        self._limits = storage.limits

    async def get(self, namespace: str, key: str, *, if_revision: int | None = None) -> Record:
        """The record. Raises StorageError: `NOT_FOUND`, or `REVISION_MISMATCH` when it is not at `if_revision`."""
        check_namespace(namespace)
        check_key(key)
        rows = await self._read(statements.GET, namespace, {"key": key})
        if not rows:
            raise StorageError("NOT_FOUND", "record not found")
        record = _record(namespace, rows[0])
        _check_revision(record.revision, if_revision)
        return record

    async def put(self, namespace: str, write: Write) -> Record:
        """Writes one record: revision 1 when new, one more otherwise. Raises StorageError."""
        return (await self._put_all(namespace, [write]))[0]

    async def bulk_put(self, namespace: str, writes: Sequence[Write]) -> list[Record]:
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
        return await self.storage.batches.run(self.install, partial(self._delete, namespace, key, if_revision), [(namespace, key)])

    async def list_records(
        self,
        namespace: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        key_prefix: str | None = None,
        values: bool = True,
    ) -> Page:
        """One page of records in the order of their keys (by code point). `limit` is clamped to 1 to 100, 25 when None.

        Without `values`, the value of each is JSON null.
        """
        check_namespace(namespace)
        if key_prefix is not None and len(key_prefix) > KEY_LENGTH:
            raise StorageError("VALIDATION_FAILED", f"keyPrefix has at most {KEY_LENGTH} characters.")
        size = LIST_DEFAULT if limit is None else min(max(limit, 1), LIST_MAX)
        first = "" if cursor is None else decode_cursor(cursor)
        # A range rather than LIKE: exact in letter case on both databases, and served by the primary key.
        end = _after_prefix(key_prefix) if key_prefix else None
        inclusive = bool(key_prefix) and first < str(key_prefix)
        if inclusive:
            first = str(key_prefix)
        statement = statements.LISTS[inclusive, end is not None, values]
        rows = await self._read(statement, namespace, {"first": first, "end": end, "count": size + 1})
        records = [_record(namespace, row) for row in rows[:size]]
        return Page(records, encode_cursor(records[-1].key) if len(rows) > size else None)

    async def _read(self, statement: Prepared, namespace: str, more: dict[str, Any]) -> list[tuple[Any, ...]]:
        tenant_id, install_id = self.install
        params = {"tenant": tenant_id, "install": install_id, "namespace": namespace, "now": self.storage.now(), **more}
        return await self.storage.db.read(partial(_select, statement, params), one_statement=True)

    async def _put_all(self, namespace: str, writes: Sequence[Write]) -> list[Record]:
        check_namespace(namespace)
        encoded = [self._encode(write) for write in writes]
        total = sum(len(value) + len(metadata) for _, value, metadata in encoded)
        if len(writes) > 1 and total > self._limits.bulk_bytes:
            raise StorageError(
                "LIMIT_EXCEEDED",
                f"bulkPut accepts at most {self._limits.bulk_bytes} bytes.",
                details={"limit": self._limits.bulk_bytes, "attempted": total},
            )
        places = [(namespace, write.key) for write in writes]
        return await self.storage.batches.run(self.install, partial(self._put, namespace, encoded), places)

    def _encode(self, write: Write) -> _Encoded:
        check_key(write.key)
        check_ttl(write.ttl_seconds, self._limits)
        value, metadata = encode_checked(write.value, write.metadata, self._limits)
        return write, value, metadata

    async def _put(self, namespace: str, writes: Sequence[_Encoded], ledger: Ledger) -> list[Record]:
        if ledger.has_schemas:
            checked = [(write, len(value)) for write, value, _ in writes]
            await self.storage.schema_checks.check(ledger.tx, self.install, namespace, checked)
        now = self.storage.now()
        try:
            return await self._put_within_quota(ledger, namespace, writes, now)
        except StorageError as error:
            if error.code != "QUOTA_EXCEEDED":
                raise
        # Records that have expired must not be a reason to refuse a write.
        removed = await ledger.remove_expired(now, EXPIRED_BEFORE_REFUSAL)
        try:
            return await self._put_within_quota(ledger, namespace, writes, now)
        except StorageError as error:
            if error.code == "QUOTA_EXCEEDED" and removed == EXPIRED_BEFORE_REFUSAL:
                raise RunAgain from error
            raise

    async def _put_within_quota(self, ledger: Ledger, namespace: str, writes: Sequence[_Encoded], now: datetime) -> list[Record]:
        change = Change(ledger)
        records = [await self._put_one(change, ledger, namespace, write, now) for write in writes]
        change.check_total(self._limits)
        ledger.accept(change)
        return records

    async def _put_one(self, change: Change, ledger: Ledger, namespace: str, encoded: _Encoded, now: datetime) -> Record:
        write, value, metadata = encoded
        before = await ledger.find(namespace, write.key)
        alive = before if before is not None and not before.is_expired(now) else None
        _check_revision(0 if alive is None else alive.revision, write.if_revision)
        if before is None:
            await change.add_key(namespace, self._limits)
        record = Record(
            namespace=namespace,
            key=write.key,
            revision=1 if alive is None else alive.revision + 1,
            value_json=value.decode(),
            metadata_json=metadata.decode(),
            value_size=len(value),
            metadata_size=len(metadata),
            ttl_expires_at=None if write.ttl_seconds is None else now + timedelta(seconds=write.ttl_seconds),
            created_at=now if alive is None else alive.created_at,
            updated_at=now,
        )
        change.write(record, before)
        return record

    async def _delete(self, namespace: str, key: str, if_revision: int | None, ledger: Ledger) -> bool:
        before = await ledger.find(namespace, key)
        if before is None or before.is_expired(self.storage.now()):
            return False
        _check_revision(before.revision, if_revision)
        change = Change(ledger)
        await change.remove(namespace, key, before)
        ledger.accept(change)
        return True


async def _select(statement: Prepared, params: dict[str, Any], tx: HotTransaction) -> list[tuple[Any, ...]]:
    return await tx.execute(statement, params)


def _record(namespace: str, row: Sequence[Any]) -> Record:
    key, revision, metadata, value_size, metadata_size, expires, created, updated, *value = row
    return Record(
        namespace=namespace,
        key=key,
        revision=revision,
        value_json=value[0] if value else "null",
        metadata_json=metadata,
        value_size=value_size,
        metadata_size=metadata_size,
        ttl_expires_at=expires,
        created_at=created,
        updated_at=updated,
    )


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
