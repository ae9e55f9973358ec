"""`/api/v1/records`: the clients, contacts, services and invoices of the caller's tenant, as tables."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.record_tables import MAX_CONTENT_BYTES, MAX_PAGE_ROWS, ImportKind, RecordImport, RecordKind
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.auth.permissions import CallerHandler
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.http.json_body import read_json
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.records.billing.tables.exports import read_records
from holdfast.records.billing.tables.imports import import_records
from holdfast.records.database.uuids import as_uuid

# Quotes and line ends take two bytes in JSON.
BODY_LIMIT = 2 * MAX_CONTENT_BYTES + 4_096

READ_PERMISSIONS: dict[RecordKind, str] = {
    "clients": "client:read",
    "contacts": "client:read",
    "services": "service:read",
    "invoices": "invoice:read",
}
WRITE_PERMISSIONS: dict[ImportKind, str] = {"clients": "client:write", "contacts": "client:write", "services": "service:write"}

_log = structlog.get_logger(__name__)


def show_records(kind: RecordKind) -> CallerHandler:
    """The handler that lists records of a kind."""

    async def handler(services: Services, request: Request, caller: Caller) -> Response:
        after, limit = _after(request), _limit(request)
        return json_response(await read_records(services.db, caller.identity.tenant_id, kind, after=after, limit=limit))

    return handler


def take_records(kind: ImportKind) -> CallerHandler:
    """The handler that imports records of a kind."""

    async def handler(services: Services, request: Request, caller: Caller) -> Response:
        identity = caller.identity
        result = await import_records(services.db, identity.tenant_id, kind, await read_json(request, RecordImport, BODY_LIMIT))
        _log.info(
            "records_imported",
            tenant=identity.tenant_id,
            by=identity.user_id,
            kind=kind,
            created=result.created,
            updated=result.updated,
            dry_run=result.dry_run,
        )
        return json_response(result)

    return handler


def _after(request: Request) -> str | None:
    given = request.query_params.get("after")
    known = None if given is None else as_uuid(given)
    if given is not None and known is None:
        raise InvalidRequest("after must be the id of a record, such as `nextAfter` of the page before.")
    return known


def _limit(request: Request) -> int:
    given = request.query_params.get("limit", "100")
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:9]) <= MAX_PAGE_ROWS:
        raise InvalidRequest(f"limit must be a number from 1 to {MAX_PAGE_ROWS}.")
    return int(given)
