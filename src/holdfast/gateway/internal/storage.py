"""`POST /api/internal/ext-storage/install/{install id}`: extension storage, for the runner on behalf of a call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from holdfast.errors import HoldfastError
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.http.responses import respond_to_errors
from holdfast.gateway.internal.auth import InstallUnauthorized, decode_json, enabled_install
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.registry.installs.call_context import effective_providers
from holdfast.storage.errors import ValidationFailed
from holdfast.storage.service import StorageService, Write
from holdfast.storage.tables import StorageRecord
from holdfast.world.capabilities import Capability

BODY_LIMIT = 2 * 1024 * 1024

_Revision = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Seconds = Annotated[int, Meta(gt=0, le=2**31)]


class CapabilityNotGranted(HoldfastError):
    """Raised when an install uses storage without `cap:storage.kv`."""

    code = "NAMESPACE_DENIED"
    status = 403


class Item(Struct, frozen=True, rename="camel", kw_only=True):
    key: str
    value: Any | UnsetType = UNSET
    metadata: dict[str, Any] | None = None
    ttl_seconds: _Seconds | None = None
    if_revision: _Revision | None = None
    schema_version: Annotated[int, Meta(gt=0)] | None = None

    def to_write(self) -> Write:
        if self.value is UNSET:
            raise ValidationFailed("value is missing")
        return Write(
            key=self.key, value=self.value, metadata=self.metadata or {}, ttl_seconds=self.ttl_seconds, if_revision=self.if_revision
        )


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


Operation = Put | Get | List | Delete | BulkPut


def routes(services: Services) -> list[BaseRoute]:
    """The route of extension storage. Its errors are `{error, code, details}`: that is what the runner reads."""

    async def storage(request: Request) -> Response:
        try:
            return json_response(await _operate(services, request))
        except HoldfastError as error:
            return json_response({"error": error.message, "code": error.code, "details": error.details}, error.status)

    return [Route("/api/internal/ext-storage/install/{install_id}", respond_to_errors(storage), methods=["POST"])]


async def _operate(services: Services, request: Request) -> dict[str, Any]:
    if not services.tokens.opens_internal(request.headers.get("x-runner-auth")):
        raise InstallUnauthorized("Invalid runner token")
    install = await enabled_install(services, request)
    if Capability.STORAGE_KV not in effective_providers(install.granted_caps):
        raise CapabilityNotGranted(f"{Capability.STORAGE_KV} is not granted")
    operation = await _read(request)
    store = StorageService(
        services.db, tenant_id=install.tenant_id, install_id=install.id, limits=services.storage_limits, now=services.now
    )
    match operation:
        case Put():
            return _written(await store.put(operation.namespace, operation.to_write()))
        case Get():
            found = await store.get(operation.namespace, operation.key, if_revision=operation.if_revision)
            return {**_written(found), "value": found.value, "metadata": found.record_metadata}
        case Delete():
            return {"success": await store.delete(operation.namespace, operation.key, if_revision=operation.if_revision)}
        case BulkPut():
            _one_schema(operation)
            records = await store.bulk_put(operation.namespace, [item.to_write() for item in operation.items])
            items = [{"key": record.key, "revision": record.revision, "ttlExpiresAt": _iso(record.ttl_expires_at)} for record in records]
            return {"namespace": operation.namespace, "items": items}
        case List():
            return await _page(store, operation)


async def _read(request: Request) -> Operation:
    body = await read_body(request, BODY_LIMIT)
    try:
        operation: Operation = decode_json(body, Operation)  # type: ignore[arg-type]
    except InvalidRequest as error:
        raise ValidationFailed("Validation error", details=error.details) from error
    return operation


async def _page(store: StorageService, operation: List) -> dict[str, Any]:
    page = await store.list_records(operation.namespace, limit=operation.limit, cursor=operation.cursor, key_prefix=operation.key_prefix)
    items = []
    for record in page.records:
        item = {"tenantId": record.tenant, "extensionInstallId": record.extension_install_id, **_written(record)}
        if operation.include_values:
            item["value"] = record.value
        if operation.include_metadata:
            item["metadata"] = record.record_metadata
        items.append(item)
    return {"items": items, "nextCursor": page.next_cursor}


def _one_schema(operation: BulkPut) -> None:
    if len({item.schema_version for item in operation.items if item.schema_version is not None}) > 1:
        raise ValidationFailed("bulkPut was given several schema versions.")


def _written(record: StorageRecord) -> dict[str, Any]:
    return {
        "namespace": record.namespace,
        "key": record.key,
        "revision": record.revision,
        "ttlExpiresAt": _iso(record.ttl_expires_at),
        "createdAt": _iso(record.created_at),
        "updatedAt": _iso(record.updated_at),
    }


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
