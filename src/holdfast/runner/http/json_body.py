"""Reading requests: their bytes within a limit, their type, and the errors of bodies that cannot be decoded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from starlette.types import Receive

from holdfast.errors import HoldfastError
from holdfast.http.bodies import is_declared_larger
from holdfast.runner.http.errors import BodyTooLarge, MalformedBody, UnsupportedBody, WrongShape

T = TypeVar("T")

DECODING_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding of JSON from a stranger can raise."""


def require_json(headers: Mapping[str, str]) -> None:
    """Raises UnsupportedBody unless the request declares a JSON body."""
    declared = headers.get("content-type", "")
    if declared != "application/json":
        media_type = declared.partition(";")[0].strip().lower()
        if media_type != "application/json" and not (media_type.startswith("application/") and media_type.endswith("+json")):
            raise UnsupportedBody("The request body must be JSON.", hint="Send content-type: application/json.")


async def read_json(headers: Mapping[str, str], receive: Receive, max_bytes: int) -> bytes:
    """The body of a request that declares JSON. Raises UnsupportedBody, and what `read_body` raises."""
    require_json(headers)
    return await read_body(headers, receive, max_bytes)


async def read_body(headers: Mapping[str, str], receive: Receive, max_bytes: int) -> bytes:
    """The body of a request. Raises ClientDisconnect, and BodyTooLarge before more than `max_bytes` are in memory."""
    if is_declared_larger(headers, max_bytes):
        raise _too_large(max_bytes)
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            from starlette.requests import ClientDisconnect

            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > max_bytes:
            raise _too_large(max_bytes)
        more = message.get("more_body", False)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def decode(body: bytes, shape: type[T]) -> T:
    """The JSON body as `shape`. Raises MalformedBody when it is not JSON, WrongShape when a field is missing or of another type."""
    try:
        return msgspec.json.decode(body, type=shape)
    except DECODING_ERRORS as error:
        raise body_error(error) from None


def body_error(error: Exception) -> HoldfastError:
    """The response to a body that raised one of DECODING_ERRORS."""
    if isinstance(error, msgspec.ValidationError):
        return WrongShape(f"The request body does not have the required shape: {error}.")
    return MalformedBody(f"The request body is not JSON: {error}.")


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The request body is larger than {max_bytes} bytes.")
