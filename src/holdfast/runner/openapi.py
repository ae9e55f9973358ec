"""The runner's interface as an OpenAPI 3.1 document, made from the types that read the requests."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

import holdfast
from holdfast.contract.execute import Envelope, ExecuteCall
from holdfast.http.responses import json_response
from holdfast.runner.execute.schemas import WarmupCall
from holdfast.runner.http.responses import respond_to_errors

_TEMPLATE = "#/components/schemas/{name}"
_TOKEN: list[dict[str, list[str]]] = [{"serviceToken": []}, {"runnerAuth": []}]
_NOBODY_KEEPS = "Never cached (`no-store`)."

_ERROR: dict[str, Any] = {
    "type": "object",
    "description": "The one shape of every refusal. `error` is stable, `code` repeats it, `message` and `hint` are for people.",
    "required": ["error", "message"],
    "properties": {
        "error": {"type": "string"},
        "code": {"type": "string"},
        "message": {"type": "string"},
        "hint": {"type": "string"},
        "details": {},
    },
}

_ID = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"}

_WARMUP: dict[str, Any] = {
    "type": "object",
    "description": "The body of `POST /warmup`. What its texts may be is checked where bundles are looked for, not by the type.",
    "required": ["tenant_id", "extension_id", "content_hash"],
    "properties": {
        "tenant_id": _ID,
        "extension_id": _ID,
        "content_hash": {"type": "string", "pattern": "^(sha256:)?[0-9A-Fa-f]{64}$"},
    },
}


def document() -> dict[str, Any]:
    """The document as JSON data."""
    _, schemas = msgspec.json.schema_components([ExecuteCall, WarmupCall, Envelope], ref_template=_TEMPLATE)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Holdfast runner",
            "version": holdfast.__version__,
            "description": "Runs extensions and serves their pages. Everything but pages and health needs the service token.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {
            "/v1/execute": {"post": _execute()},
            "/warmup": {"post": _warmup()},
            "/v1/components/check": {"post": _check()},
            "/ext-ui/{extension_id}/{content_hash}/{path}": {"get": _page(), "head": _page()},
            "/": {"get": _by_host(), "head": _by_host()},
            "/healthz": {"get": _health("Health of the process and its bundle store.")},
            "/health": {"get": _health("The same as /healthz.")},
            "/readyz": {"get": _ready()},
            "/metrics": {"get": _metrics()},
            "/openapi.json": {
                "get": {"summary": "This document.", "operationId": "document", "responses": {"200": _json("It.", {"type": "object"})}}
            },
        },
        "components": {
            "schemas": {**{name: _tidy(schema) for name, schema in schemas.items()}, "WarmupCall": _WARMUP, "Error": _ERROR},
            "securitySchemes": {
                "serviceToken": {"type": "apiKey", "in": "header", "name": "x-runner-service-token"},
                "runnerAuth": {"type": "apiKey", "in": "header", "name": "x-runner-auth"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def routes() -> list[BaseRoute]:
    """`GET /openapi.json`."""
    content = document()

    async def openapi(request: Request) -> Response:
        return json_response(content)

    return [Route("/openapi.json", respond_to_errors(openapi), methods=["GET"])]


def _execute() -> dict[str, Any]:
    return {
        "summary": "Run an extension's handler once.",
        "operationId": "execute",
        "description": "The HTTP status is 200 once there is a call; `status` and `error` of the envelope say how it ended. "
        + _NOBODY_KEEPS,
        "security": _TOKEN,
        "parameters": [
            _header("x-alga-tenant", "The tenant; the same as in the body, else the envelope says so."),
            _header("x-alga-extension", "The extension's registry id; likewise."),
            _header("x-request-id", "Used when the body names none."),
            _header("x-idempotency-key", "The same key with the same call gets the answer of the first.", maximum=1_024),
        ],
        "requestBody": _body("ExecuteCall"),
        "responses": {"200": _json("The envelope.", _ref("Envelope")), **_refusals("400", "401", "413", "415", "422")},
    }


def _warmup() -> dict[str, Any]:
    return {
        "summary": "Fetch a bundle and compile its component, so that the first call finds both ready.",
        "operationId": "warmup",
        "security": _TOKEN,
        "requestBody": _body("WarmupCall"),
        "responses": {
            "200": _json("Ready.", {"type": "object", "properties": {"ok": {"const": True}, "component": {"type": "boolean"}}}),
            **_refusals("400", "401", "403", "404", "413", "415", "422", "500", "502", "503"),
        },
    }


def _check() -> dict[str, Any]:
    ready = {"type": "object", "properties": {"ok": {"const": True}, "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}}
    return {
        "summary": "Compile a component and see that its imports and exports are those of the world. Nothing of it runs.",
        "operationId": "checkComponent",
        "security": _TOKEN,
        "requestBody": {
            "required": True,
            "content": {"application/wasm": {"schema": {"type": "string", "contentMediaType": "application/wasm", "minLength": 8}}},
        },
        "responses": {
            "200": _json("It can be called.", ready),
            "422": _json("It cannot; the body says why, for its author.", _ref("Error")),
            **_refusals("401", "408", "413", "415", "500"),
        },
    }


def _page() -> dict[str, Any]:
    return {
        "summary": "A file of an extension's page.",
        "description": "A route without a suffix is answered with index.html. Needs no token: the install is checked instead.",
        "parameters": [
            _path("extension_id", "The extension's registry id."),
            _path("content_hash", "`sha256:` and 64 hexadecimal digits.", pattern="^sha256:[0-9A-Fa-f]{64}$"),
            _path("path", "Path of the file, with slashes."),
            {"name": "tenant", "in": "query", "required": False, "schema": {"type": "string"}},
            _header("x-tenant-id", "The tenant, when the query names none."),
            _header("if-none-match", "Entity tags."),
            _header("range", "One range of bytes; several, and what is malformed, are answered with the whole file."),
            _header("if-range", "The strong entity tag that the range is of; with any other, the whole file is the answer."),
            _header("accept-encoding", "`zstd` and `gzip` are spoken; a range is of the file as it is."),
        ],
        "responses": {
            "200": {"description": "The file."},
            "206": {"description": "A part of it."},
            "304": {"description": "The file is the one that the caller has."},
            "416": {"description": "The range is outside the file."},
            **_refusals("400", "403", "404", "413", "500", "502"),
        },
    }


def _by_host() -> dict[str, Any]:
    return {
        "summary": "To the page of the install that has this host name.",
        "responses": {"307": {"description": "Where the page is. " + _NOBODY_KEEPS}, **_refusals("400", "404", "502", "503")},
    }


def _health(summary: str) -> dict[str, Any]:
    shape = {
        "type": "object",
        "required": ["cache_writable", "bundle_store", "ext_cache_max_bytes"],
        "properties": {
            "cache_writable": {"type": "boolean"},
            "bundle_store": {"type": "string"},
            "ext_cache_max_bytes": {"type": ["string", "null"]},
        },
    }
    return {"summary": summary, "responses": {"200": _json("Well.", shape), "503": _json("The cache cannot be written.", shape)}}


def _ready() -> dict[str, Any]:
    shape = {"type": "object", "properties": {"ready": {"type": "boolean"}, "calls": {"type": "integer"}}}
    return {"summary": "Does it take calls?", "responses": {"200": _json("It does.", shape), "503": _json("It stops.", shape)}}


def _metrics() -> dict[str, Any]:
    return {
        "summary": "Metrics for Prometheus.",
        "security": [*_TOKEN, {"bearer": []}],
        "responses": {"200": {"description": "Text exposition.", "content": {"text/plain": {}}}, **_refusals("401")},
    }


def _refusals(*statuses: str) -> dict[str, Any]:
    return {status: _json("Refused; the body says why.", _ref("Error")) for status in statuses}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _body(name: str) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": _ref(name)}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _TEMPLATE.format(name=name)}


def _header(name: str, description: str, *, maximum: int | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"} | ({} if maximum is None else {"maxLength": maximum})
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _path(name: str, description: str, *, pattern: str = ".") -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": {"type": "string", "pattern": pattern}}


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Descriptions come from docstrings, with their line breaks."""
    text = schema.get("description")
    return schema if text is None else schema | {"description": " ".join(text.split())}
