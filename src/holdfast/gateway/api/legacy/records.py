"""Records over REST, in two places: those of an install, and those of a tenant, which belong to no install.

    /api/ext-storage/install/{install_id}/{namespace}/records[/{key}]
    /api/v1/storage/namespaces/{namespace}/records[/{key}]

The same operations as the runner's internal API; here a user or program of the tenant asks. The caller's credential says which tenant.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfast.gateway.api.legacy.record_requests import PutRecordRequest, PutRecordsRequest
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.auth.permissions import CallerHandler
from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.http.json_body import decode_json_with
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.internal.auth import InternalApiError
from holdfast.gateway.internal.storage import BODY_LIMIT
from holdfast.gateway.internal.storage_messages import bulk_put_result, page_result, record_result, to_writes
from holdfast.gateway.services import Services
from holdfast.http.response_headers import HEADERS
from holdfast.http.responses import json_response
from holdfast.records.database.uuids import as_uuid
from holdfast.storage.errors import StorageError
from holdfast.storage.service import StorageService
from holdfast.world.capabilities import Capability

NO_INSTALL = "00000000-0000-0000-0000-000000000000"
"""Under this id a tenant's own records are stored. No install has it, and the internal API accepts no such id."""
REVISION_HEADER = "if-revision-match"
TENANT_HEADER = "x-tenant"

_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_FLAGS = {"true": True, "1": True, "false": False, "0": False}

T = TypeVar("T")
_FindStore = Callable[[Services, Request, Caller], Awaitable[StorageService]]
RecordHandler = Callable[[StorageService, str, Request], Awaitable[Response]]

_put_decoder = msgspec.json.Decoder(PutRecordRequest)
_bulk_put_decoder = msgspec.json.Decoder(PutRecordsRequest)


def of_install(handler: RecordHandler) -> CallerHandler:
    """A handler for the records of the install that the path names."""
    return _with_store(_store_of_install, handler)


def of_tenant(handler: RecordHandler) -> CallerHandler:
    """A handler for the records of the caller's tenant."""
    return _with_store(_store_of_tenant, handler)


def _with_store(find: _FindStore, handler: RecordHandler) -> CallerHandler:
    async def handle(services: Services, request: Request, caller: Caller) -> Response:
        _check_tenant(request, caller)
        return await handler(await find(services, request, caller), request.path_params["namespace"], request)

    return handle


def _check_tenant(request: Request, caller: Caller) -> None:
    # The other two headers that can name a tenant are checked for every request.
    tenant_id = caller.identity.tenant_id
    if any(value.strip().lower() != tenant_id.lower() for value in request.headers.getlist(TENANT_HEADER)):
        raise GatewayError("tenant_mismatch", f"The header {TENANT_HEADER} names a tenant other than yours.", hint="Omit the header.")


async def _store_of_install(services: Services, request: Request, caller: Caller) -> StorageService:
    """Raises GatewayError (`extension_not_available`), InternalApiError (`NAMESPACE_DENIED`)."""
    install_id = as_uuid(request.path_params["install_id"])
    found = None if install_id is None else await services.snapshots.install_by_id(install_id, caller.identity.tenant_id)
    if found is None:
        raise GatewayError(
            "extension_not_available",
            "Your tenant has no such install, or it is disabled.",
            hint="`holdfast show EXTENSION` has the id of the install.",
        )
    install = found.context_at(services.now())
    if Capability.STORAGE_KV not in install.providers:
        raise InternalApiError("NAMESPACE_DENIED", f"{Capability.STORAGE_KV} is not granted")
    return services.storage.of(install.tenant_id, install.install_id)


async def _store_of_tenant(services: Services, request: Request, caller: Caller) -> StorageService:
    return services.storage.of(caller.identity.tenant_id, NO_INSTALL)


async def list_records(store: StorageService, namespace: str, request: Request) -> Response:
    query = request.query_params
    values, metadata = _flag(request, "includeValues"), _flag(request, "includeMetadata")
    page = await store.list_records(
        namespace, limit=_number(request, "limit"), cursor=query.get("cursor"), key_prefix=query.get("keyPrefix"), values=values
    )
    return json_response(page_result(store.install, page, values=values, metadata=metadata))


async def put_records(store: StorageService, namespace: str, request: Request) -> Response:
    body = decode_json_with(_bulk_put_decoder, await read_body(request, BODY_LIMIT))
    return json_response(bulk_put_result(namespace, await store.bulk_put(namespace, to_writes(body.items))))


async def get_record(store: StorageService, namespace: str, request: Request) -> Response:
    record = await store.get(namespace, request.path_params["key"], if_revision=_revision_header(request))
    return json_response(record_result(record, values=True, metadata=True))


async def put_record(store: StorageService, namespace: str, request: Request) -> Response:
    body = decode_json_with(_put_decoder, await read_body(request, BODY_LIMIT))
    expected = _one_of(body.if_revision, _revision_header(request))
    return json_response(record_result(await store.put(namespace, body.to_write(request.path_params["key"], expected))))


async def delete_record(store: StorageService, namespace: str, request: Request) -> Response:
    expected = _one_of(_revision(request.query_params.get("ifRevision"), "ifRevision"), _revision_header(request))
    await store.delete(namespace, request.path_params["key"], if_revision=expected)
    return Response(status_code=204, headers=HEADERS)


def _one_of(first: T | None, second: T | None) -> T | None:
    """The expected revision, wherever the request has it. Raises StorageError (`VALIDATION_FAILED`) when it names two."""
    if first is not None and second is not None and first != second:
        raise StorageError("VALIDATION_FAILED", f"ifRevision and the header {REVISION_HEADER} differ.", hint="Send one of them.")
    return second if first is None else first


def _revision_header(request: Request) -> int | None:
    return _revision(request.headers.get(REVISION_HEADER), REVISION_HEADER)


def _revision(text: str | None, name: str) -> int | None:
    number = _whole_number(text, name)
    if number is not None and number < 0:
        raise StorageError("VALIDATION_FAILED", f"{name} is a whole number from 0.")
    return number


def _number(request: Request, name: str) -> int | None:
    return _whole_number(request.query_params.get(name), name)


def _whole_number(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise StorageError("VALIDATION_FAILED", f"{name} is a whole number.")
    return int(text)


def _flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name)
    if text is None:
        return False
    value = _FLAGS.get(text.lower())
    if value is None:
        raise StorageError("VALIDATION_FAILED", f"{name} is true or false.")
    return value
