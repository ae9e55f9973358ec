"""JSON responses and the responses to errors, as every service sends them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfast.http.operations import Endpoint
from holdfast.http.response_headers import HEADERS


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A response with `content` as JSON: msgspec Structs in the spelling that they declare, bytes as standard base64."""
    return encoded_response(msgspec.json.encode(content), status, headers)


def encoded_response(content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """As `json_response`, for `content` that is JSON already."""
    return Response(content, status, HEADERS if headers is None else {**HEADERS, **headers}, "application/json")


class WholeResponse(Response):
    """A response of which everything is known, without the cost of Response.__init__, which it does not call.

    `raw_headers` are the header fields, with `content-length` unless the status forbids one.
    """

    background = None

    def __init__(self, status_code: int, raw_headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status_code = status_code
        self.raw_headers = raw_headers
        self.body = body


def respond_to(endpoint: Endpoint, respond: Callable[[BaseException, Request], Response], *errors: type[BaseException]) -> Endpoint:
    """Wraps the endpoint: `respond` turns each of the `errors` that it raises (default: Exception) into a response.

    Not Starlette's `exception_handlers`: for an exception of no known type, Starlette sends the response and then raises the exception
    again, so the server logs it a second time. It also never passes the cancellation of a request to a handler.
    """
    caught = errors or (Exception,)

    async def wrapped(request: Request) -> Response:
        try:
            return await endpoint(request)
        except caught as error:
            return respond(error, request)

    return wrapped
