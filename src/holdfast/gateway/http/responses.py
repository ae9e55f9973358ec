"""Answers of the gateway itself: JSON, and every error in the one shape."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from holdfast.errors import HoldfastError
from holdfast.gateway.http.errors import Code, ExtensionBusy, GatewayError, RateLimited
from holdfast.gateway.http.requests import request_id

Endpoint = Callable[[Request], Awaitable[Response]]

_log = structlog.get_logger(__name__)


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer that nobody keeps: JSON, not cached, its type not guessed."""
    return encoded_answer(msgspec.json.encode(content), status, headers)


def encoded_answer(content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The same for what is JSON already."""
    fixed = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(content, status, {**fixed, **(headers or {})}, "application/json")


def error_answer(error: HoldfastError, request: Request) -> Response:
    """An error in the one shape, with the id of its request."""
    known_as = request_id(request)
    headers = {"x-request-id": known_as}
    if isinstance(error, RateLimited | ExtensionBusy):
        headers["retry-after"] = str(error.retry_after_seconds)
    return json_answer(error.to_json(request_id=known_as), error.status, headers)


def guarded(endpoint: Endpoint, *, unexpected: Code = "internal_error") -> Endpoint:
    """The endpoint with its errors made into answers. What was not foreseen is logged and answered as `unexpected`, without detail."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except HoldfastError as error:
            return error_answer(error, request)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception:
            _log.exception("a request failed unexpectedly", request_id=request_id(request), path=request.url.path)
            return error_answer(
                GatewayError(unexpected, "Something went wrong here.", hint="The log has the details under this request id."), request
            )

    return answer


def guarded_gateway(endpoint: Endpoint) -> Endpoint:
    """The same for calls of extensions: what was not foreseen means that nobody may call."""
    return guarded(endpoint, unexpected="access_policy_unavailable")
