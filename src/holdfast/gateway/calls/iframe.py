"""The gateway of extension pages, `/api/ext-proxy/{extension}/{path}`: their bridge can only POST, and names the intended method."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfast.gateway.auth.authentication import caller_of
from holdfast.gateway.auth.authorization import assert_access
from holdfast.gateway.calls.direct import METHODS
from holdfast.gateway.calls.dispatch import Call, dispatch
from holdfast.gateway.http.error_formats import CALL_ERRORS
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.http.requests import path_segments, read_body
from holdfast.gateway.services import Services
from holdfast.http.operations import Operation

MARKER = "__method"


async def call_from_page(services: Services, request: Request) -> Response:
    """Calls an extension for its page, with the method that the request's marker names."""
    caller = await caller_of(services, request)
    _api, _ext, extension, *rest = path_segments(request)
    path = "/" + "/".join(rest)
    method = "GET" if request.method == "HEAD" else request.method
    # Unlike in the direct gateway, the body comes first: it may name the method for which access is checked. The caller is authenticated.
    body = None if method == "GET" else await read_body(request, services.settings.request_body_max_bytes)
    query = request.url.query
    if method == "POST":
        method, query, body = effective_method(query, body)
    access = await assert_access(services, caller, unquote(extension), method, path)
    call = Call(
        request=request,
        access=access,
        method=method,
        path=path,
        query=query,
        body=body or None,
        prefix=f"/api/ext-proxy/{extension}/",
    )
    return await dispatch(services, call)


OPERATIONS: tuple[Operation[Services], ...] = tuple(
    Operation(method=method, path=path, handler=call_from_page, errors=CALL_ERRORS, fast=True)
    for path in ("/api/ext-proxy/{extension}", "/api/ext-proxy/{extension}/{path:path}")
    for method in METHODS
)


def effective_method(query: str, body: bytes | None) -> tuple[str, str, bytes | None]:
    """The intended method of a POST, its query and its body, both without the marker.

    The marker is the query field `__method`, or else the field `__method` of a body that is a JSON object; without one it is POST. A body
    with nothing else is dropped, and so is the body of a GET. Raises InvalidRequest for an unknown method.
    """
    parts = query.split("&") if query else []
    marked = [part for part in parts if unquote(part.split("=", 1)[0]) == MARKER]
    if marked:
        query = "&".join(part for part in parts if part not in marked)
        method = _method(dict(parse_qsl(marked[-1], keep_blank_values=True)).get(MARKER))
        _, body = _take_marker(body)
    else:
        named, body = _take_marker(body)
        method = "POST" if named is None else _method(named)
    return method, query, None if method == "GET" else body


def _take_marker(body: bytes | None) -> tuple[object, bytes | None]:
    if body is None or MARKER.encode() not in body:
        return None, body
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None, body
    if not isinstance(content, dict) or MARKER not in content:
        return None, body
    named = content.pop(MARKER)
    return named, msgspec.json.encode(content) if content else None


def _method(named: object) -> str:
    method = named.strip().upper() if isinstance(named, str) else ""
    if method not in METHODS:
        raise InvalidRequest(f"{MARKER} is not one of {', '.join(sorted(METHODS))}.")
    return method
