"""`POST /api/internal/ext-storage/install/{install id}`: extension storage, for the runner on behalf of a call."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdfast.errors import HoldfastError
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.http.json_body import decode_json
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.internal.auth import InternalApiError, enabled_install
from holdfast.gateway.internal.storage_messages import (
    BulkItemResult,
    BulkPut,
    BulkPutResult,
    Delete,
    DeletedResult,
    Get,
    List,
    PageResult,
    Put,
    StorageRequest,
    StorageResult,
    format_instant,
    record_result,
)
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.registry.installs.call_context import effective_providers
from holdfast.storage.errors import StorageError
from holdfast.storage.service import StorageService
from holdfast.world.capabilities import Capability

BODY_LIMIT = 2 * 1024 * 1024


async def use_storage(services: Services, request: Request) -> Response:
    """Errors are `{error: sentence, code, details}`: that is what the runner reads."""
    try:
        return json_response(await _run(services, request))
    except HoldfastError as error:
        return json_response({"error": error.message, "code": error.code, "details": error.details}, error.status)


async def _run(services: Services, request: Request) -> StorageResult:
    if not services.tokens.opens_internal(request.headers.get("x-runner-auth")):
        raise InternalApiError("UNAUTHORIZED", "Invalid runner token")
    install = await enabled_install(services, request)
    # The runner has checked the capability too. Storage is shared with it, so the check is repeated where the data is.
    if Capability.STORAGE_KV not in effective_providers(install.granted_caps):
        raise InternalApiError("NAMESPACE_DENIED", f"{Capability.STORAGE_KV} is not granted")
    operation = await _read(request)
    store = StorageService(
        services.db, tenant_id=install.tenant_id, install_id=install.id, limits=services.storage_limits, now=services.now
    )
    match operation:
        case Put():
            return record_result(await store.put(operation.namespace, operation.to_write()))
        case Get():
            found = await store.get(operation.namespace, operation.key, if_revision=operation.if_revision)
            return record_result(found, value=found.value, metadata=found.record_metadata)
        case Delete():
            return DeletedResult(await store.delete(operation.namespace, operation.key, if_revision=operation.if_revision))
        case BulkPut():
            return await _put_many(store, operation)
        case List():
            return await _list(store, operation)


async def _read(request: Request) -> StorageRequest:
    body = await read_body(request, BODY_LIMIT)
    try:
        operation: StorageRequest = decode_json(body, StorageRequest)  # type: ignore[arg-type]
    except InvalidRequest as error:
        raise StorageError("VALIDATION_FAILED", "Validation error", details=error.details) from error
    return operation


async def _put_many(store: StorageService, operation: BulkPut) -> BulkPutResult:
    if len({item.schema_version for item in operation.items if item.schema_version is not None}) > 1:
        raise StorageError("VALIDATION_FAILED", "The items of bulkPut have several schema versions.")
    records = await store.bulk_put(operation.namespace, [item.to_write() for item in operation.items])
    items = [BulkItemResult(record.key, record.revision, format_instant(record.ttl_expires_at)) for record in records]
    return BulkPutResult(operation.namespace, items)


async def _list(store: StorageService, operation: List) -> PageResult:
    page = await store.list_records(operation.namespace, limit=operation.limit, cursor=operation.cursor, key_prefix=operation.key_prefix)
    items = []
    for record in page.records:
        fields: dict[str, Any] = {"tenant_id": record.tenant, "extension_install_id": record.extension_install_id}
        if operation.include_values:
            fields["value"] = record.value
        if operation.include_metadata:
            fields["metadata"] = record.record_metadata
        items.append(record_result(record, **fields))
    return PageResult(items, page.next_cursor)
