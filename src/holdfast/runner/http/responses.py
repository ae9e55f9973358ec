"""The runner's responses to errors, all in one shape."""

from __future__ import annotations

import asyncio

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from holdfast.errors import HoldfastError
from holdfast.http.operations import Endpoint
from holdfast.http.response_headers import HEADERS
from holdfast.http.responses import json_response, respond_to
from holdfast.runner.http.errors import Stopping

_log = structlog.get_logger(__name__)


def error_response(error: HoldfastError) -> Response:
    """The response to an error. `code` repeats `error`: readers of extension pages expect it there."""
    return json_response({**error.to_json(), "code": error.code}, error.status)


def response_to(error: BaseException, path: str) -> Response:
    """The response to a request that failed. An unexpected exception is logged, with the request's path; its response has no detail."""
    if isinstance(error, HoldfastError):
        return error_response(error)
    if isinstance(error, ClientDisconnect):
        return Response(status_code=499, headers=HEADERS)
    if isinstance(error, asyncio.CancelledError):
        # Only the server cancels requests, at the end of a stop.
        return error_response(Stopping("The runner is stopping and could not finish this request.", hint="Send it again."))
    _log.error("request_failed", path=path, exc_info=error)
    return error_response(HoldfastError("Something went wrong in the runner.", hint="Its log has the details."))


def outcome_of(error: BaseException) -> str:
    """The stable name of an error that `response_to` responds to, for metrics."""
    if isinstance(error, HoldfastError):
        return error.code
    if isinstance(error, ClientDisconnect):
        return "caller_gone"
    return Stopping.code if isinstance(error, asyncio.CancelledError) else HoldfastError.code


def respond_to_errors(endpoint: Endpoint) -> Endpoint:
    """The endpoint with responses to its errors, as `response_to`."""
    return respond_to(endpoint, lambda error, request: response_to(error, request.url.path), Exception, asyncio.CancelledError)


async def router_error(request: Request, error: Exception) -> Response:
    """The response to what the router itself rejects: an unknown path, a wrong method."""
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    response = json_response({"error": code, "message": f"{request.method} is not served here: {error.detail}."}, error.status_code)
    response.headers.update(error.headers or {})
    return response
