"""The runner's operations: one table, from which its routes and its OpenAPI document are made."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

import holdfast
from holdfast.contract.execute import PREPARED_ONLY_HEADER, USAGE_HEADER, Envelope, ExecuteCall
from holdfast.contract.frames import FRAME_TYPE
from holdfast.http.openapi import make_document
from holdfast.http.operations import Body, ErrorFormat, NamedSchema, Operation, Parameter, Result
from holdfast.http.responses import json_response
from holdfast.runner.endpoints.app_domains import redirect_to_page
from holdfast.runner.endpoints.component_check import check_component
from holdfast.runner.endpoints.execute import execute
from holdfast.runner.endpoints.health import health, readiness
from holdfast.runner.endpoints.metrics import metrics
from holdfast.runner.endpoints.pages import serve_page
from holdfast.runner.endpoints.warmup import warmup
from holdfast.runner.http.responses import respond_to_errors
from holdfast.runner.services import RunnerServices

_TOKEN = ("serviceToken", "runnerAuth")
_FRAMES = (
    f"A caller that accepts `{FRAME_TYPE}` gets, and may then send, the framed form: the length of the JSON (4 bytes, big-endian), the JSON"
    " with `body_b64` empty, then the body as it is. "
)
_NOT_CACHED = "Never cached (`no-store`)."

_ERROR = NamedSchema(
    "Error",
    {
        "type": "object",
        "description": "The shape of every error. `error` is stable, `code` repeats it, `message` and `hint` are for people.",
        "required": ["error", "message"],
        "properties": {
            "error": {"type": "string"},
            "code": {"type": "string"},
            "message": {"type": "string"},
            "hint": {"type": "string"},
            "details": {},
        },
    },
)
_ERRORS = ErrorFormat(respond_to_errors, _ERROR)

_ID = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"}

_WARMUP = NamedSchema(
    "WarmupCall",
    {
        "type": "object",
        "description": "The body of `POST /warmup`. Its texts are checked when the bundle is looked up, not by the type.",
        "required": ["tenant_id", "extension_id", "content_hash"],
        "properties": {
            "tenant_id": _ID,
            "extension_id": _ID,
            "content_hash": {"type": "string", "pattern": "^(sha256:)?[0-9A-Fa-f]{64}$"},
            "wait_ms": {
                "type": ["number", "null"],
                "minimum": 0,
                "maximum": 600_000,
                "description": "How long to wait, in milliseconds. Without it, the response comes when the bundle is ready.",
            },
        },
    },
)
_WARMED_UP = {
    "type": "object",
    "properties": {"ok": {"const": True}, "component": {"type": "boolean"}, "state": {"const": "ready"}},
}
_PREPARING = {"type": "object", "properties": {"ok": {"const": False}, "state": {"const": "preparing"}}}
_CHECKED = {"type": "object", "properties": {"ok": {"const": True}, "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}}
_READINESS = {"type": "object", "properties": {"ready": {"type": "boolean"}, "calls": {"type": "integer"}}}
_HEALTH = {
    "type": "object",
    "required": ["cache_writable", "bundle_store", "ext_cache_max_bytes"],
    "properties": {
        "cache_writable": {"type": "boolean"},
        "bundle_store": {"type": "string"},
        "ext_cache_max_bytes": {"type": ["string", "null"]},
    },
}


def _header(name: str, description: str, *, maximum: int | None = None) -> Parameter:
    schema: dict[str, Any] = {"type": "string"} | ({} if maximum is None else {"maxLength": maximum})
    return Parameter(name, "header", schema, description, required=False)


def _path(name: str, description: str, *, pattern: str = ".") -> Parameter:
    return Parameter(name, "path", {"type": "string", "pattern": pattern}, description)


def _health(path: str, summary: str) -> Operation[RunnerServices]:
    results = {200: Result("The runner works.", _HEALTH), 503: Result("The cache is not writable.", _HEALTH)}
    return Operation(method="GET", path=path, handler=health, errors=_ERRORS, summary=summary, results=results)


async def openapi_document(services: RunnerServices, request: Request) -> Response:
    """This interface as an OpenAPI 3.1 document."""
    return json_response(document())


_PAGE: Operation[RunnerServices] = Operation(
    method="GET",
    path="/ext-ui/{extension_id}/{content_hash}/{path:path}",
    handler=serve_page,
    errors=_ERRORS,
    summary="A file of an extension's page.",
    description="A route without a suffix is served index.html. Needs no token: the install is checked instead.",
    parameters=(
        _path("extension_id", "The extension's registry id."),
        _path("content_hash", "`sha256:` and 64 hexadecimal digits.", pattern="^sha256:[0-9A-Fa-f]{64}$"),
        _path("path", "Path of the file, with slashes."),
        Parameter("tenant", "query", {"type": "string"}, required=False),
        _header("x-tenant-id", "The tenant, when the query has none."),
        _header("if-none-match", "Entity tags."),
        _header("range", "One range of bytes; several, and malformed ones, get the whole file."),
        _header("if-range", "The strong entity tag that the range is of; with any other, the response is the whole file."),
        _header("accept-encoding", "`zstd` and `gzip` are supported; a range is of the unencoded file."),
    ),
    results={
        200: Result("The file.", media_type=None),
        206: Result("A part of it.", media_type=None),
        304: Result("The file is the one that the caller has.", media_type=None),
        416: Result("The range is outside the file.", media_type=None),
    },
    error_statuses=(400, 403, 404, 413, 500, 502),
)

_APP_DOMAIN: Operation[RunnerServices] = Operation(
    method="GET",
    path="/",
    handler=redirect_to_page,
    errors=_ERRORS,
    summary="Redirect to the page of the install that has this host name.",
    results={307: Result("The address of the page. " + _NOT_CACHED, media_type=None)},
    error_statuses=(400, 404, 502, 503),
)

OPERATIONS: tuple[Operation[RunnerServices], ...] = (
    Operation(
        method="POST",
        path="/v1/execute",
        handler=execute,
        errors=_ERRORS,
        summary="Run an extension's handler once.",
        operation_id="execute",
        description="The HTTP status is 200 once there is a call; `status` and `error` of the envelope say how it ended. "
        + _FRAMES
        + _NOT_CACHED,
        security=_TOKEN,
        parameters=(
            _header("x-alga-tenant", "The tenant; the same as in the body, else the envelope has an error."),
            _header("x-alga-extension", "The extension's registry id; must equal the one in the body."),
            _header("x-request-id", "Used when the body has none."),
            _header("x-idempotency-key", "The same key with the same call gets the response of the first.", maximum=1_024),
            _header(USAGE_HEADER, "`1` to get `usage` in the envelope."),
            _header(
                PREPARED_ONLY_HEADER,
                "`1` to get the error `being_prepared` at once, while the bundle is not fetched and compiled.",
            ),
        ),
        body=Body(ExecuteCall),
        results={200: Result("The envelope.", Envelope)},
        error_statuses=(400, 401, 413, 415, 422),
    ),
    Operation(
        method="POST",
        path="/warmup",
        handler=warmup,
        errors=_ERRORS,
        summary="Fetch a bundle and compile its component, so that the first call finds both ready.",
        operation_id="warmup",
        security=_TOKEN,
        body=Body(_WARMUP),
        description="Requests for one bundle join one preparation, which goes on when a caller leaves. `state` is only in responses"
        " to requests with `wait_ms`.",
        results={
            200: Result("Ready.", _WARMED_UP),
            202: Result("Not ready within `wait_ms`. The preparation goes on; ask again after `retry-after` seconds.", _PREPARING),
        },
        error_statuses=(400, 401, 403, 404, 413, 415, 422, 429, 500, 502, 503),
    ),
    Operation(
        method="POST",
        path="/v1/components/check",
        handler=check_component,
        errors=_ERRORS,
        summary="Compile a component and verify that its imports and exports are those of the world. Nothing of it runs.",
        operation_id="checkComponent",
        security=_TOKEN,
        body=Body({"type": "string", "contentMediaType": "application/wasm", "minLength": 8}, media_type="application/wasm"),
        results={200: Result("It can be called.", _CHECKED), 422: Result("It cannot; the body says why, for its author.", _ERROR)},
        error_statuses=(401, 408, 413, 415, 500),
    ),
    _PAGE,
    replace(_PAGE, method="HEAD"),
    _APP_DOMAIN,
    replace(_APP_DOMAIN, method="HEAD"),
    _health("/healthz", "Health of the process and its bundle store."),
    _health("/health", "The same as /healthz."),
    Operation(
        method="GET",
        path="/readyz",
        handler=readiness,
        errors=_ERRORS,
        summary="Whether the runner accepts calls.",
        results={200: Result("It does.", _READINESS), 503: Result("It is stopping.", _READINESS)},
    ),
    Operation(
        method="GET",
        path="/metrics",
        handler=metrics,
        errors=_ERRORS,
        summary="Metrics for Prometheus.",
        security=(*_TOKEN, "bearer"),
        results={200: Result("Text exposition.", media_type="text/plain")},
        error_statuses=(401,),
    ),
    Operation(
        method="GET",
        path="/openapi.json",
        handler=openapi_document,
        errors=_ERRORS,
        summary="This document.",
        operation_id="document",
        results={200: Result("The document.", {"type": "object"})},
    ),
)


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document as JSON data."""
    return make_document(
        OPERATIONS,
        info={
            "title": "Holdfast runner",
            "version": holdfast.__version__,
            "description": "Runs extensions and serves their pages. Everything but pages and health needs the service token.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        security_schemes={
            "serviceToken": {"type": "apiKey", "in": "header", "name": "x-runner-service-token"},
            "runnerAuth": {"type": "apiKey", "in": "header", "name": "x-runner-auth"},
            "bearer": {"type": "http", "scheme": "bearer"},
        },
    )
