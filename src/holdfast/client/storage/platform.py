"""The stored records of a running platform, which does the work."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from holdfast.client.location.connection import PlatformConnection
from holdfast.contract.registry_api import NamespaceSchemaResult
from holdfast.contract.stored_records import StoredRecord, StoredRecords

T = TypeVar("T")


class PlatformStoredData:
    """The `StoredData` of one tenant of a running platform; None is the development tenant."""

    def __init__(self, connection: PlatformConnection, tenant: str | None) -> None:
        self._connection = connection
        self._tenant = tenant

    async def list_records(self, extension: str, namespace: str, *, prefix: str | None, cursor: str | None) -> StoredRecords:
        return await self._call("list_records", StoredRecords, extension=extension, namespace=namespace, prefix=prefix, cursor=cursor)

    async def get_record(self, extension: str, namespace: str, key: str) -> StoredRecord:
        return await self._call("get_record", StoredRecord, extension=extension, namespace=namespace, key=key)

    async def put_record(
        self, extension: str, namespace: str, key: str, value: Any, *, if_revision: int | None, ttl_seconds: int | None
    ) -> StoredRecord:
        options = {"if_revision": if_revision, "ttl_seconds": ttl_seconds}
        return await self._call("put_record", StoredRecord, extension=extension, namespace=namespace, key=key, value=value, **options)

    async def delete_record(self, extension: str, namespace: str, key: str, *, if_revision: int | None) -> None:
        await self._call("delete_record", type(None), extension=extension, namespace=namespace, key=key, if_revision=if_revision)

    async def list_schemas(self, extension: str, namespace: str | None) -> list[NamespaceSchemaResult]:
        return await self._call("list_schemas", list[NamespaceSchemaResult], extension=extension, namespace=namespace)

    async def register_schema(
        self, extension: str, namespace: str, version: int, document: dict[str, Any], *, activate: bool
    ) -> NamespaceSchemaResult:
        schema = {"version": version, "document": document, "activate": activate}
        return await self._call("register_schema", NamespaceSchemaResult, extension=extension, namespace=namespace, **schema)

    async def set_schema_status(
        self, extension: str, namespace: str, version: int, status: Literal["active", "deprecated"]
    ) -> NamespaceSchemaResult:
        schema = {"version": version, "status": status}
        return await self._call("set_schema_status", NamespaceSchemaResult, extension=extension, namespace=namespace, **schema)

    async def _call(self, operation: str, kind: type[T], **arguments: Any) -> T:
        return await self._connection.call(f"storage.{operation}", kind, arguments, tenant=self._tenant)
