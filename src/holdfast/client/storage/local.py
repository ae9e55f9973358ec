"""The stored records of a data folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from holdfast.client.data_folder import open_records, require_tenant
from holdfast.contract.registry_api import NamespaceSchemaResult, to_result
from holdfast.contract.stored_records import StoredRecord, StoredRecords
from holdfast.gateway.api.storage.administration import SchemaAdministration
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.lookup import require_install
from holdfast.settings import Settings
from holdfast.storage.limits import LIST_MAX
from holdfast.storage.records import Record, Write
from holdfast.storage.service import ExtensionStorage, StorageService


class LocalStoredData:
    """The `StoredData` of a tenant in the database of a data folder. `storage` is that of the process, if it has one."""

    def __init__(self, db: Database, tenant_id: str, storage: ExtensionStorage | None = None) -> None:
        self._db = db
        self._tenant_id = tenant_id
        self._storage = storage or ExtensionStorage(db)

    async def list_records(self, extension: str, namespace: str, *, prefix: str | None, cursor: str | None) -> StoredRecords:
        store = await self._store(extension)
        page = await store.list_records(namespace, limit=LIST_MAX, cursor=cursor, key_prefix=prefix, values=False)
        return StoredRecords(items=[_stored(record, with_value=False) for record in page.records], next_cursor=page.next_cursor)

    async def get_record(self, extension: str, namespace: str, key: str) -> StoredRecord:
        return _stored(await (await self._store(extension)).get(namespace, key))

    async def put_record(
        self, extension: str, namespace: str, key: str, value: Any, *, if_revision: int | None, ttl_seconds: int | None
    ) -> StoredRecord:
        write = Write(key=key, value=value, if_revision=if_revision, ttl_seconds=ttl_seconds)
        return _stored(await (await self._store(extension)).put(namespace, write), with_value=False)

    async def delete_record(self, extension: str, namespace: str, key: str, *, if_revision: int | None) -> None:
        await (await self._store(extension)).delete(namespace, key, if_revision=if_revision)

    async def list_schemas(self, extension: str, namespace: str | None) -> list[NamespaceSchemaResult]:
        schemas = await self._schemas(extension)
        return to_result(await schemas.list_schemas(namespace), list[NamespaceSchemaResult])

    async def register_schema(
        self, extension: str, namespace: str, version: int, document: dict[str, Any], *, activate: bool
    ) -> NamespaceSchemaResult:
        schemas = await self._schemas(extension)
        return to_result(await schemas.register(namespace, version, document, activate=activate), NamespaceSchemaResult)

    async def set_schema_status(
        self, extension: str, namespace: str, version: int, status: Literal["active", "deprecated"]
    ) -> NamespaceSchemaResult:
        schemas = await self._schemas(extension)
        return to_result(await schemas.set_status(namespace, version, status), NamespaceSchemaResult)

    async def _store(self, extension: str) -> StorageService:
        async with self._db.session() as session:
            install, _registry, _version = await require_install(session, self._tenant_id, extension)
            return self._storage.of(self._tenant_id, install.id)

    async def _schemas(self, extension: str) -> SchemaAdministration:
        return await SchemaAdministration.open(self._db, local_actor(self._tenant_id), extension)


@asynccontextmanager
async def open_local_stored_data(settings: Settings, tenant: str | None) -> AsyncIterator[LocalStoredData]:
    """What a tenant's installs (None: the development tenant) have stored in a data folder. Raises AccountError (`tenant_unknown`)."""
    async with open_records(settings, uses_development_tenant=tenant is None) as db:
        yield LocalStoredData(db, await require_tenant(db, tenant))


def _stored(record: Record, *, with_value: bool = True) -> StoredRecord:
    return StoredRecord(
        namespace=record.namespace,
        key=record.key,
        revision=record.revision,
        value=record.value if with_value else None,
        metadata=record.metadata,
        ttl_expires_at=record.ttl_expires_at,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
