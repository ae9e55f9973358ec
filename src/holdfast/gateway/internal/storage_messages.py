"""The requests and results of the internal storage API, as the existing contract spells them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from holdfast.storage.errors import StorageError
from holdfast.storage.records import InstallKey, Page, Record, Write

_Revision = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Seconds = Annotated[int, Meta(gt=0, le=2**31)]


class Value(Struct, frozen=True, rename="camel", kw_only=True):
    """A value to store."""

    value: Any | UnsetType = UNSET
    metadata: dict[str, Any] | None = None
    ttl_seconds: _Seconds | None = None
    if_revision: _Revision | None = None
    schema_version: Annotated[int, Meta(gt=0, le=2**31 - 1)] | None = None

    def to_write(self, key: str, if_revision: int | None) -> Write:
        """A write of the value under `key`. Raises StorageError (`VALIDATION_FAILED`) when it is missing (null is a value)."""
        if self.value is UNSET:
            raise StorageError("VALIDATION_FAILED", "value is missing")
        return Write(
            key=key,
            value=self.value,
            metadata=self.metadata or {},
            ttl_seconds=self.ttl_seconds,
            if_revision=if_revision,
            schema_version=self.schema_version,
        )


class Item(Value, frozen=True, rename="camel", kw_only=True):
    """A value and the key to store it under."""

    key: str


class Put(Item, frozen=True, rename="camel", kw_only=True, tag_field="operation", tag="put"):
    namespace: str


class Get(Struct, frozen=True, rename="camel", kw_only=True, tag_field="operation", tag="get"):
    namespace: str
    key: str
    if_revision: _Revision | None = None


class List(Struct, frozen=True, rename="camel", kw_only=True, tag_field="operation", tag="list"):
    namespace: str
    limit: int | None = None
    cursor: str | None = None
    key_prefix: str | None = None
    include_values: bool = False
    include_metadata: bool = False


class Delete(Struct, frozen=True, rename="camel", kw_only=True, tag_field="operation", tag="delete"):
    namespace: str
    key: str
    if_revision: _Revision | None = None


class BulkPut(Struct, frozen=True, rename="camel", kw_only=True, tag_field="operation", tag="bulkPut"):
    namespace: str
    items: list[Item]


StorageRequest = Put | Get | List | Delete | BulkPut


class RecordResult(Struct, frozen=True, rename="camel", kw_only=True):
    """A stored record. Times are ISO 8601 in UTC with milliseconds. Fields that an operation does not return are absent."""

    namespace: str
    key: str
    revision: int
    ttl_expires_at: str | None
    created_at: str | None
    updated_at: str | None
    tenant_id: str | UnsetType = UNSET
    extension_install_id: str | UnsetType = UNSET
    value: Raw | UnsetType = UNSET
    metadata: Raw | UnsetType = UNSET


class DeletedResult(Struct, frozen=True):
    success: bool


class BulkItemResult(Struct, frozen=True, rename="camel"):
    key: str
    revision: int
    ttl_expires_at: str | None


class BulkPutResult(Struct, frozen=True):
    namespace: str
    items: list[BulkItemResult]


class PageResult(Struct, frozen=True, rename="camel"):
    """`next_cursor` is null on the last page."""

    items: list[RecordResult]
    next_cursor: str | None


StorageResult = RecordResult | DeletedResult | BulkPutResult | PageResult


def record_result(record: Record, *, owner: InstallKey | None = None, values: bool = False, metadata: bool = False) -> RecordResult:
    """The record as a result, with the fields that only some operations return."""
    return RecordResult(
        namespace=record.namespace,
        key=record.key,
        revision=record.revision,
        ttl_expires_at=format_instant(record.ttl_expires_at),
        created_at=format_instant(record.created_at),
        updated_at=format_instant(record.updated_at),
        tenant_id=UNSET if owner is None else owner.tenant_id,
        extension_install_id=UNSET if owner is None else owner.install_id,
        value=Raw(record.value_json) if values else UNSET,
        metadata=Raw(record.metadata_json) if metadata else UNSET,
    )


def page_result(owner: InstallKey, page: Page, *, values: bool, metadata: bool) -> PageResult:
    """A page of a listing."""
    return PageResult([record_result(record, owner=owner, values=values, metadata=metadata) for record in page.records], page.next_cursor)


def bulk_put_result(namespace: str, records: Iterable[Record]) -> BulkPutResult:
    """What bulkPut wrote."""
    return BulkPutResult(
        namespace, [BulkItemResult(record.key, record.revision, format_instant(record.ttl_expires_at)) for record in records]
    )


def to_writes(items: Sequence[Item]) -> list[Write]:
    """The writes of bulkPut. Raises StorageError (`VALIDATION_FAILED`) when a value is missing or the schema versions differ."""
    if len({item.schema_version for item in items if item.schema_version is not None}) > 1:
        raise StorageError("VALIDATION_FAILED", "The items of bulkPut have several schema versions.")
    return [item.to_write(item.key, item.if_revision) for item in items]


def format_instant(instant: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds and `Z`, as JavaScript writes it."""
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
