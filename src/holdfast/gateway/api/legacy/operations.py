"""The table of the operations that the published tools and the samples of the existing platform call."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from holdfast.errors import HoldfastError
from holdfast.gateway.api import request_bodies as bodies
from holdfast.gateway.api.legacy import extension_info as info
from holdfast.gateway.api.legacy import installs, records
from holdfast.gateway.api.legacy.record_requests import PutRecordRequest, PutRecordsRequest
from holdfast.gateway.api.schedules import requests as schedules
from holdfast.gateway.api.schemas import EXTENSION, LEGACY_SUCCESS, SCHEDULE, list_of
from holdfast.gateway.auth.permissions import CALLER_CREDENTIALS, CallerHandler, with_permission
from holdfast.gateway.http.error_formats import STANDARD_ERRORS
from holdfast.gateway.http.requests import request_id
from holdfast.gateway.http.responses import respond_to_errors
from holdfast.gateway.internal.storage_messages import BulkPutResult
from holdfast.gateway.services import Services
from holdfast.http.operations import Body, Endpoint, ErrorFormat, NamedSchema, Operation, Parameter, Result, Schema
from holdfast.http.responses import json_response
from holdfast.storage.limits import KEY_LENGTH, NAMESPACE_LENGTH

_READ, _WRITE = "extension:read", "extension:write"
# What the storage of the existing platform calls these errors.
_CODES = {"invalid_request": "VALIDATION_FAILED", "payload_too_large": "LIMIT_EXCEEDED", "internal_error": "INTERNAL_ERROR"}


def _nested_error(error: HoldfastError, request: Request) -> Response:
    identifier = request_id(request)
    shape = {"code": _CODES.get(error.code, error.code), "message": error.message, "details": error.details}
    if error.hint is not None:
        shape["hint"] = error.hint
    return json_response({"error": shape, "requestId": identifier}, error.status, {"x-request-id": identifier})


def _report_nested(endpoint: Endpoint) -> Endpoint:
    return respond_to_errors(endpoint, make_response=_nested_error)


_RECORD_ERRORS = ErrorFormat(
    _report_nested,
    NamedSchema(
        "RecordError",
        {
            "type": "object",
            "description": "An error of the operations on records. `error.code` is stable; `error.message` is for people.",
            "required": ["error", "requestId"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["code", "message", "details"],
                    "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "details": {}, "hint": {"type": "string"}},
                },
                "requestId": {"type": "string"},
            },
        },
    ),
)

_INSTALL_ID = Parameter("install_id", "path", {"type": "string", "format": "uuid"}, "The id of the install.")
_NAMESPACE = Parameter(
    "namespace",
    "path",
    {"type": "string", "pattern": rf"^[A-Za-z0-9][A-Za-z0-9 ._:@-]{{0,{NAMESPACE_LENGTH - 1}}}$"},
    f"A namespace of records: 1 to {NAMESPACE_LENGTH} characters.",
)
_KEY = Parameter(
    "key",
    "path",
    {"type": "string", "pattern": rf"^[A-Za-z0-9][A-Za-z0-9 ._:@-]{{0,{KEY_LENGTH - 1}}}$"},
    f"The key of a record: 1 to {KEY_LENGTH} characters, no `/`.",
)
_REVISION = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
_IF_REVISION_MATCH = Parameter(
    records.REVISION_HEADER, "header", _REVISION, "The revision that the record must have; otherwise the response is 409.", required=False
)
_IF_REVISION = Parameter("ifRevision", "query", _REVISION, "The revision that the record must have; otherwise 409.", required=False)
_FLAG = {"type": "boolean"}
_PAGE_PARAMETERS = (
    Parameter("limit", "query", {"type": "integer"}, "Records of a page: 25 unless set, from 1 to 100.", required=False),
    Parameter("cursor", "query", {"type": "string"}, "`nextCursor` of the page before.", required=False),
    Parameter("keyPrefix", "query", {"type": "string", "maxLength": KEY_LENGTH}, "Only keys that begin with this.", required=False),
    Parameter("includeValues", "query", _FLAG, "Whether the records have their values.", required=False),
    Parameter("includeMetadata", "query", _FLAG, "Whether the records have their metadata.", required=False),
)

_TEXT = {"type": "string"}
_INSTANT = {"type": ["string", "null"], "format": "date-time"}
_RECORD = NamedSchema(
    "StoredRecord",
    {
        "type": "object",
        "description": "A stored record. `value` and `metadata` are there where the operation returns them.",
        "required": ["namespace", "key", "revision", "ttlExpiresAt", "createdAt", "updatedAt"],
        "properties": {
            "namespace": _TEXT,
            "key": _TEXT,
            "revision": {"type": "integer"},
            "ttlExpiresAt": _INSTANT,
            "createdAt": _INSTANT,
            "updatedAt": _INSTANT,
            "tenantId": _TEXT,
            "extensionInstallId": _TEXT,
            "value": {},
            "metadata": {"type": "object"},
        },
    },
)
_PAGE = {
    "type": "object",
    "required": ["items", "nextCursor"],
    "properties": {"items": {"type": "array", "items": _RECORD}, "nextCursor": {"type": ["string", "null"]}},
}


def _operation(
    method: str,
    path: str,
    handler: CallerHandler,
    summary: str,
    result: Result,
    *parameters: Parameter,
    status: int = 200,
    body: type | None = None,
    errors: tuple[int, ...],
    error_format: ErrorFormat = _RECORD_ERRORS,
) -> Operation[Services]:
    permission = _READ if method == "GET" else _WRITE
    return Operation(
        method=method,
        path=path,
        handler=with_permission(permission, handler),
        errors=error_format,
        summary=summary,
        security=CALLER_CREDENTIALS,
        permission=permission,
        parameters=parameters,
        body=None if body is None else Body(body),
        results={status: result},
        error_statuses=(400, 401, 403, *(() if body is None else (408, 413)), *errors),
    )


def _record_operations(
    root: str, owner: str, bind: Callable[[records.RecordHandler], CallerHandler], *parameters: Parameter
) -> tuple[Operation[Services], ...]:
    """The operations on the records below `root`, which are those of `owner`. `bind` makes handlers that find them."""
    one, of_one = f"{root}/{{key}}", (*parameters, _NAMESPACE, _KEY)
    return (
        _operation(
            "GET",
            root,
            bind(records.list_records),
            f"List records of {owner}, by key.",
            Result("A page.", _PAGE),
            *parameters,
            _NAMESPACE,
            *_PAGE_PARAMETERS,
            errors=(404,),
        ),
        _operation(
            "POST",
            root,
            bind(records.put_records),
            f"Store records of {owner}: all or none.",
            Result("What is stored.", BulkPutResult),
            *parameters,
            _NAMESPACE,
            body=PutRecordsRequest,
            errors=(404, 409, 429),
        ),
        _operation(
            "GET",
            one,
            bind(records.get_record),
            f"Show a record of {owner}.",
            Result("The record.", _RECORD),
            *of_one,
            _IF_REVISION_MATCH,
            errors=(404, 409),
        ),
        _operation(
            "PUT",
            one,
            bind(records.put_record),
            f"Store a record of {owner}.",
            Result("The record.", _RECORD),
            *of_one,
            _IF_REVISION_MATCH,
            body=PutRecordRequest,
            errors=(404, 409, 429),
        ),
        _operation(
            "DELETE",
            one,
            bind(records.delete_record),
            f"Delete a record of {owner}, if it exists.",
            Result("It does not exist any more."),
            *of_one,
            _IF_REVISION,
            _IF_REVISION_MATCH,
            status=204,
            errors=(404, 409),
        ),
    )


def _show(path: str, handler: CallerHandler, summary: str, schema: Schema, parameter: Parameter) -> Operation[Services]:
    result = Result("The current state.", schema)
    return _operation("GET", path, handler, summary, result, parameter, errors=(404, 409), error_format=STANDARD_ERRORS)


def _tool(path: str, handler: CallerHandler, summary: str, body: type, *, status: int = 200) -> Operation[Services]:
    return _operation(
        "POST",
        f"/api/v1/extensions/{path}",
        handler,
        summary,
        Result("The change is made.", LEGACY_SUCCESS),
        status=status,
        body=body,
        errors=(404, 409, 502, 503),
        error_format=installs.LEGACY_ERRORS,
    )


_SCHEDULES = "/api/extensions/{extension}/schedules"


def _schedule(
    method: str,
    path: str,
    handler: CallerHandler,
    summary: str,
    schema: type,
    *,
    body: type | None = None,
    status: int = 200,
    errors: tuple[int, ...] = (),
) -> Operation[Services]:
    result = Result("The current state." if method == "GET" else "The change is made.", schema)
    parameters = (EXTENSION, SCHEDULE) if "{schedule}" in path else (EXTENSION,)
    return _operation(
        method,
        path,
        handler,
        f"{summary}, as the samples do.",
        result,
        *parameters,
        status=status,
        body=body,
        errors=(404, 409, *errors),
        error_format=STANDARD_ERRORS,
    )


_SCHEDULE_OPERATIONS = (
    _schedule("GET", _SCHEDULES, schedules.show_schedules, "List the schedules of an install", schedules.Schedules),
    _schedule(
        "POST",
        _SCHEDULES,
        schedules.add_schedule,
        "Create a schedule",
        schedules.OneSchedule,
        body=bodies.CreateScheduleRequest,
        status=201,
    ),
    _schedule("GET", f"{_SCHEDULES}/{{schedule}}", schedules.show_schedule, "Show a schedule", schedules.OneSchedule),
    _schedule(
        "PATCH",
        f"{_SCHEDULES}/{{schedule}}",
        schedules.change_schedule,
        "Change a schedule",
        schedules.OneSchedule,
        body=bodies.ChangeScheduleRequest,
    ),
    _schedule("DELETE", f"{_SCHEDULES}/{{schedule}}", schedules.delete_schedule, "Delete a schedule", schedules.DeletedSchedule),
    _schedule(
        "POST",
        f"{_SCHEDULES}/{{schedule}}/run-now",
        schedules.run_schedule,
        "Run a schedule now",
        schedules.OneRun,
        status=202,
        errors=(429,),
    ),
)

OPERATIONS: tuple[Operation[Services], ...] = (
    _tool("install", installs.legacy_install, "Install, as the published tools do.", bodies.LegacyInstallRequest, status=202),
    _tool("update", installs.legacy_update, "Upgrade, as the published tools do.", bodies.LegacyUpdateRequest),
    _tool("uninstall", installs.legacy_uninstall, "Uninstall, as the published tools do.", bodies.LegacyUninstallRequest),
    _show(
        "/api/extensions/install-info",
        info.show_install_info,
        "Show where an install is served.",
        info.InstallInfoResult,
        Parameter("registryId", "query", {"type": "string", "minLength": 1, "maxLength": info.MAX_NAME_LENGTH}, EXTENSION.description),
    ),
    _show(
        "/api/extensions/{extension}/endpoints",
        info.show_endpoints,
        "List the endpoints of the installed version.",
        list_of("endpoints", info.EndpointInfoResult),
        EXTENSION,
    ),
    *_SCHEDULE_OPERATIONS,
    *_record_operations("/api/ext-storage/install/{install_id}/{namespace}/records", "an install", records.of_install, _INSTALL_ID),
    *_record_operations("/api/v1/storage/namespaces/{namespace}/records", "the tenant", records.of_tenant),
)
