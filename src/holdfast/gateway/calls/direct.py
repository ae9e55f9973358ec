"""The direct gateway, `/api/ext/{extension}/{path}`: for programs and people, with the method they use."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdfast.errors import HoldfastError
from holdfast.gateway.auth.authentication import caller_of
from holdfast.gateway.auth.authorization import assert_access
from holdfast.gateway.calls.call import Call
from holdfast.gateway.calls.dispatch import dispatch
from holdfast.gateway.calls.refused_calls import report_refusal
from holdfast.gateway.calls.target import Target, call_operations
from holdfast.gateway.http.cors import allow_origin, options_response
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.services import Services


async def call_directly(services: Services, request: Request) -> Response:
    """Calls an extension with the method of the request."""
    allow_origin(request, services.gateway_origins)
    caller = await caller_of(services, request)
    target = Target.of(request)
    # A call that arrives after a save gets what was saved. The caller is read again: what decides the call may have changed.
    if services.development and await services.development.wait_until_current(caller.identity.tenant_id, target.extension):
        caller = await caller_of(services, request)
    method: str = request.scope["method"]
    try:
        # Before the body is read: a caller without access cannot make the gateway buffer ten mebibytes.
        access = await assert_access(services, caller, target.extension, method, target.path)
        if method in ("GET", "HEAD"):
            method, body = "GET", None
        else:
            body = await read_body(request, services.settings.request_body_max_bytes)
        call = Call(request, access, method=method, path=target.path, body=body, prefix=target.prefix)
        return await dispatch(services, call)
    except HoldfastError as error:
        report_refusal(services, request, caller, target, method, error)
        raise


async def show_options(services: Services, request: Request) -> Response:
    """The response to OPTIONS."""
    return options_response(request, services.gateway_origins)


OPERATIONS = call_operations("/api/ext", call_directly, show_options)
