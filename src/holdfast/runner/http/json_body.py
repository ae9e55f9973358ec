"""Reading JSON requests: their bytes within a limit, their type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from holdfast.http.bodies import is_declared_larger
from holdfast.runner.http.errors import BodyTooLarge, MalformedBody, UnsupportedBody, WrongShape

T = TypeVar("T")


def require_json(headers: Mapping[str, str]) -> None:
    """Raises UnsupportedBody unless the request declares a JSON body."""
    declared = headers.get("content-type", "")
    if declared != "application/json":
        media_type = declared.partition(";")[0].strip().lower()
        if media_type != "application/json" and not (media_type.startswith("application/") and media_type.endswith("+json")):
            raise UnsupportedBody("The request body must be JSON.", hint="Send content-type: application/json.")


async def read_json(headers: Mapping[str, str], receive: Receive, max_bytes: int) -> bytes:
    """The body of a request that declares JSON.

    Raises UnsupportedBody, ClientDisconnect, and BodyTooLarge before more than `max_bytes` are in memory.
    """
    require_json(headers)
    if is_declared_larger(headers, max_bytes):
        raise _too_large(max_bytes)
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
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
    except msgspec.ValidationError as error:
        raise WrongShape(f"The request body does not have the required shape: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody(f"The request body is not JSON: {error}.") from None


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The request body is larger than {max_bytes} bytes.")
