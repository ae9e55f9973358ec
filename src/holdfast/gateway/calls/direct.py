"""The direct gateway, `/api/ext/{extension}/{path}`: for programs and people, with the method they use."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from holdfast.gateway.auth.authentication import caller_of
from holdfast.gateway.auth.authorization import assert_access
from holdfast.gateway.calls.dispatch import Call, dispatch
from holdfast.gateway.http.requests import path_segments, read_body
from holdfast.gateway.http.responses import respond_to_call_errors
from holdfast.gateway.services import Services

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def routes(services: Services) -> list[BaseRoute]:
    """The direct gateway's routes."""

    async def call_extension(request: Request) -> Response:
        caller = await caller_of(services, request)
        _api, _ext, extension, *rest = path_segments(request)
        path = "/" + "/".join(rest)
        # Before the body is read: who may not call cannot make the gateway take ten mebibytes.
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

    endpoint = respond_to_call_errors(call_extension)
    return [Route("/api/ext/{extension}", endpoint, methods=METHODS), Route("/api/ext/{extension}/{path:path}", endpoint, methods=METHODS)]
