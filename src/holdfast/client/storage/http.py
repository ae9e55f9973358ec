"""The stored records of a server, over its HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal
from urllib.parse import quote

from holdfast.client.connection import ServerConnection, open_connection
from holdfast.client.decoding import read_shape
from holdfast.client.registry.http import NameInvalid, path_segment
from holdfast.client.target import ServerTarget
from holdfast.contract.registry_api import InstallDetailsResult, NamespaceSchemaResult
from holdfast.contract.stored_records import StoredRecord, StoredRecords
from holdfast.storage.limits import check_key, check_namespace

_PAGE = "100"


class ServerStoredData:
    """The `StoredData` of a server, for the tenant of the API key."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def list_records(self, extension: str, namespace: str, *, prefix: str | None, cursor: str | None) -> StoredRecords:
        query = {"limit": _PAGE, "includeMetadata": "true", **_given(keyPrefix=prefix, cursor=cursor)}
        return read_shape(StoredRecords, await self._connection.call("GET", await self._records(extension, namespace), query=query))

    async def get_record(self, extension: str, namespace: str, key: str) -> StoredRecord:
        return read_shape(StoredRecord, await self._connection.call("GET", await self._record(extension, namespace, key)))

    async def put_record(
        self, extension: str, namespace: str, key: str, value: Any, *, if_revision: int | None, ttl_seconds: int | None
    ) -> StoredRecord:
        body = {"value": value, **_given(ifRevision=if_revision, ttlSeconds=ttl_seconds)}
        return read_shape(StoredRecord, await self._connection.call("PUT", await self._record(extension, namespace, key), json=body))

    async def delete_record(self, extension: str, namespace: str, key: str, *, if_revision: int | None) -> None:
        query = {} if if_revision is None else {"ifRevision": str(if_revision)}
        await self._connection.call("DELETE", await self._record(extension, namespace, key), query=query)

    async def list_schemas(self, extension: str, namespace: str | None) -> list[NamespaceSchemaResult]:
        answer = await self._connection.call("GET", _schemas(extension), query=_given(namespace=namespace))
        return read_shape(list[NamespaceSchemaResult], answer, "schemas")

    async def register_schema(
        self, extension: str, namespace: str, version: int, document: dict[str, Any], *, activate: bool
    ) -> NamespaceSchemaResult:
        body = {"namespace": namespace, "schemaVersion": version, "schema": document, "activate": activate}
        return read_shape(NamespaceSchemaResult, await self._connection.call("PUT", _schemas(extension), json=body), "schema")

    async def set_schema_status(
        self, extension: str, namespace: str, version: int, status: Literal["active", "deprecated"]
    ) -> NamespaceSchemaResult:
        body = {"namespace": namespace, "schemaVersion": version, "status": status}
        return read_shape(NamespaceSchemaResult, await self._connection.call("PATCH", _schemas(extension), json=body), "schema")

    async def _record(self, extension: str, namespace: str, key: str) -> str:
        check_key(key)
        return f"{await self._records(extension, namespace)}/{quote(key, safe='')}"

    async def _records(self, extension: str, namespace: str) -> str:
        check_namespace(namespace)
        if "/" in namespace:
            raise NameInvalid(
                f"The namespace {namespace!r} has a '/', which no path of the server's API can have.", hint="Use --data-dir there."
            )
        details = read_shape(InstallDetailsResult, await self._connection.call("GET", _install(extension)))
        return f"/api/ext-storage/install/{quote(details.install_id, safe='')}/{quote(namespace, safe='')}/records"


@asynccontextmanager
async def open_server_stored_data(target: ServerTarget) -> AsyncIterator[ServerStoredData]:
    """What the installs of a server's tenant have stored, for one command."""
    async with open_connection(target) as connection:
        yield ServerStoredData(connection)


def _install(extension: str) -> str:
    return f"/api/v1/extensions/{path_segment(extension)}"


def _schemas(extension: str) -> str:
    return f"{_install(extension)}/storage-schemas"


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
