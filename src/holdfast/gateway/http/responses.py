"""The gateway's responses to errors, all in one shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from holdfast.errors import HoldfastError
from holdfast.gateway.http.errors import BeingPrepared, Code, ExtensionBusy, GatewayError, RateLimited
from holdfast.gateway.http.requests import request_id
from holdfast.http.operations import Endpoint
from holdfast.http.rate_headers import rate_headers
from holdfast.http.responses import json_response, respond_to
from holdfast.logs import LineLevel, fast_line

EXTENSION_ERROR = "extension_error_status"
"""The error, in log lines and audit rows, of a call that the extension itself responded to with an error status."""
_TEMPORARY = frozenset({EXTENSION_ERROR, ExtensionBusy.code, BeingPrepared.code})
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
    """As `respond_to_errors`, for calls of extensions: when access could not be decided, no one has it. Logs each call that failed."""
    return respond_to_errors(endpoint, unexpected="access_policy_unavailable", make_response=_failed_call)


def _failed_call(error: HoldfastError, request: Request) -> Response:
    log_failed_call(request, error.status, error.code, error.details)
    return error_response(error, request)


def log_failed_call(request: Request, status: int, error: str, details: Any = None) -> None:
    """Logs a call that did not succeed.

    status of the response                                      level
    401, 429: anyone can cause these, as often as they like     info
    other 4xx: not installed, not declared, no permission       warning
    5xx of the extension itself, busy, being prepared           warning
    other 5xx: failed, deadline, no runner                      error
    """
    level: LineLevel = "info" if status in (401, 429) else "warning" if status < 500 or error in _TEMPORARY else "error"
    found = details if isinstance(details, dict) else {}
    reasons = {name: found[name] for name in ("code", "rule", "reason") if found.get(name)}
    scope = request.scope
    fast_line(
        _log,
        level,
        "call_failed",
        status=status,
        error=error,
        **reasons,
        method=scope["method"],
        path=scope["path"],
        request_id=request_id(request),
    )
