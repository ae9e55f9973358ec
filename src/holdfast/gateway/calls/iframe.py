"""The gateway of extension pages, `/api/ext-proxy/{extension}/{path}`: their bridge can only POST, and names the intended method."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfast.errors import HoldfastError
from holdfast.gateway.auth.authentication import caller_of
from holdfast.gateway.auth.authorization import assert_access
from holdfast.gateway.calls.call import Call
from holdfast.gateway.calls.dispatch import dispatch
from holdfast.gateway.calls.refused_calls import report_refusal
from holdfast.gateway.calls.target import METHODS, Target, call_operations
from holdfast.gateway.http.cors import allow_origin, options_response
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.http.requests import query_of, read_body
from holdfast.gateway.services import Services

MARKER = "__method"


async def call_from_page(services: Services, request: Request) -> Response:
    """Calls an extension for its page, with the method that the request's marker names."""
    allow_origin(request, services.proxy_origins)
    caller = await caller_of(services, request)
    target = Target.of(request)
    # A call that arrives after a save gets what was saved. The caller is read again: what decides the call may have changed.
    if services.development and await services.development.wait_until_current(caller.identity.tenant_id, target.extension):
        caller = await caller_of(services, request)
    method: str = request.scope["method"]
    try:
        query, body = query_of(request), None
        if method in ("GET", "HEAD"):
            method = "GET"
        else:
            # Unlike in the direct gateway, the body comes first: it may name the method for which access is checked. The caller is known.
            body = await read_body(request, services.settings.request_body_max_bytes)
        if method == "POST":
            method, query, body = effective_method(query, body)
        access = await assert_access(services, caller, target.extension, method, target.path)
        call = Call(request, access, method=method, path=target.path, query=query, body=body or None, prefix=target.prefix)
        return await dispatch(services, call)
    except HoldfastError as error:
        report_refusal(services, request, caller, target, method, error)
        raise


async def show_options(services: Services, request: Request) -> Response:
    """The response to OPTIONS."""
    return options_response(request, services.proxy_origins)


OPERATIONS = call_operations("/api/ext-proxy", call_from_page, show_options)


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
