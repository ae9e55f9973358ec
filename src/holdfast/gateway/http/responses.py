"""The gateway's responses to errors, all in one shape."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from holdfast.errors import HoldfastError
from holdfast.gateway.http.errors import BeingPrepared, Code, ExtensionBusy, GatewayError, RateLimited
from holdfast.gateway.http.requests import request_id
from holdfast.http.operations import Endpoint
from holdfast.http.rate_headers import rate_headers
from holdfast.http.responses import json_response, respond_to

_ADDED = "holdfast.response_headers"

_log = structlog.get_logger(__name__)


def error_response(error: HoldfastError, request: Request) -> Response:
    """The response to an error, with the id of its request."""
    identifier = request_id(request)
    headers = {"x-request-id": identifier}
    if isinstance(error, RateLimited | ExtensionBusy | BeingPrepared):
        headers["retry-after"] = str(error.retry_after_seconds)
    if isinstance(error, RateLimited) and error.decision is not None:
        add_headers(request, rate_headers(error.decision))
    response = json_response(error.to_json(request_id=identifier), error.status, headers)
    response.raw_headers += added_headers(request)
    return response


def add_headers(request: Request, headers: list[tuple[bytes, bytes]]) -> None:
    """Adds header fields to the response of the request: that of the extension, or that to an error."""
    request.scope.setdefault(_ADDED, []).extend(headers)


def added_headers(request: Request) -> list[tuple[bytes, bytes]]:
    """What `add_headers` added."""
    headers: list[tuple[bytes, bytes]] = request.scope.get(_ADDED, [])
    return headers


def respond_to_errors(
    endpoint: Endpoint,
    *,
    unexpected: Code = "internal_error",
    make_response: Callable[[HoldfastError, Request], Response] = error_response,
) -> Endpoint:
    """The endpoint with responses to its errors, each made by `make_response`.

    An unexpected exception is logged; its response has the code `unexpected` and no detail.
    """

    def respond(error: BaseException, request: Request) -> Response:
        if isinstance(error, HoldfastError):
            return make_response(error, request)
        if isinstance(error, ClientDisconnect):
            return Response(status_code=499)
        _log.error("request_failed", request_id=request_id(request), path=request.url.path, exc_info=error)
        return make_response(
            GatewayError(unexpected, "Something went wrong here.", hint="The log has the details under this request id."), request
        )

    return respond_to(endpoint, respond)


def respond_to_call_errors(endpoint: Endpoint) -> Endpoint:
    """As `respond_to_errors`, for calls of extensions: when access could not be decided, no one has it."""
    return respond_to_errors(endpoint, unexpected="access_policy_unavailable")
