"""`POST /api/internal/ext-storage/install/{install id}`: extension storage, for the runner on behalf of a call."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfast.errors import HoldfastError
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.http.json_body import decode_json_with
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.internal.auth import InternalApiError, enabled_install
from holdfast.gateway.internal.storage_messages import (
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
    bulk_put_result,
    page_result,
    record_result,
    to_writes,
)
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.storage.errors import StorageError
from holdfast.storage.service import StorageService
from holdfast.world.capabilities import Capability

BODY_LIMIT = 2 * 1024 * 1024

_decoder: msgspec.json.Decoder[StorageRequest] = msgspec.json.Decoder(StorageRequest)


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
    if Capability.STORAGE_KV not in install.providers:
        raise InternalApiError("NAMESPACE_DENIED", f"{Capability.STORAGE_KV} is not granted")
    operation = await _read(request)
    store = services.storage.of(install.tenant_id, install.install_id)
    match operation:
        case Put():
            return record_result(await store.put(operation.namespace, operation.to_write(operation.key, operation.if_revision)))
        case Get():
            found = await store.get(operation.namespace, operation.key, if_revision=operation.if_revision)
            return record_result(found, values=True, metadata=True)
        case Delete():
            return DeletedResult(await store.delete(operation.namespace, operation.key, if_revision=operation.if_revision))
        case BulkPut():
            return await _put_many(store, operation)
        case List():
            return await _list(store, operation)


async def _read(request: Request) -> StorageRequest:
    body = await read_body(request, BODY_LIMIT)
    try:
        return decode_json_with(_decoder, body)
    except InvalidRequest as error:
        raise StorageError("VALIDATION_FAILED", "Validation error", details=error.details) from error


async def _put_many(store: StorageService, operation: BulkPut) -> BulkPutResult:
    records = await store.bulk_put(operation.namespace, to_writes(operation.items))
    return bulk_put_result(operation.namespace, records)


async def _list(store: StorageService, operation: List) -> PageResult:
    page = await store.list_records(
        operation.namespace,
        limit=operation.limit,
        cursor=operation.cursor,
        key_prefix=operation.key_prefix,
        values=operation.include_values,
    )
    return page_result(store.install, page, values=operation.include_values, metadata=operation.include_metadata)
