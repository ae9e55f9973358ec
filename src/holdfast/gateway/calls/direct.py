"""The direct gateway, `/api/ext/{extension}/{path}`: for programs and people, with the method they use."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from holdfast.gateway.auth.authentication import caller_of
from holdfast.gateway.auth.authorization import assert_access
from holdfast.gateway.calls.dispatch import Call, dispatch
from holdfast.gateway.http.error_formats import CALL_ERRORS
from holdfast.gateway.http.requests import path_segments, read_body
from holdfast.gateway.services import Services
from holdfast.http.operations import Operation

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


async def call_directly(services: Services, request: Request) -> Response:
    """Calls an extension with the method of the request."""
    caller = await caller_of(services, request)
    _api, _ext, extension, *rest = path_segments(request)
    path = "/" + "/".join(rest)
    # Before the body is read: a caller without access cannot make the gateway buffer ten mebibytes.
    access = await assert_access(services, caller, unquote(extension), request.method, path)
    method = "GET" if request.method == "HEAD" else request.method
    body = None if method == "GET" else await read_body(request, services.settings.request_body_max_bytes)
    call = Call(
        request=request,
        access=access,
        method=method,
        path=path,
        query=request.url.query,
        body=body,
        prefix=f"/api/ext/{extension}/",
    )
    return await dispatch(services, call)


# Without a summary, so they are not in the OpenAPI document: the manifest of each extension declares its endpoints.
OPERATIONS: tuple[Operation[Services], ...] = tuple(
    Operation(method=method, path=path, handler=call_directly, errors=CALL_ERRORS, fast=True)
    for path in ("/api/ext/{extension}", "/api/ext/{extension}/{path:path}")
    for method in METHODS
)
