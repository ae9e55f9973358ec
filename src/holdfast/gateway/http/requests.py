"""Validate untrusted request input: id, path, query, body."""

from __future__ import annotations

import asyncio
import re
import uuid
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from starlette.requests import Request

from holdfast.gateway.http.errors import GatewayError, InvalidRequest
from holdfast.http.bodies import BODY_SECONDS, is_declared_larger
from holdfast.http.fast_operations import WholeRequest

REQUEST_ID_LENGTH = 255
_REQUEST_ID = "holdfast.request_id"
_MAX_QUERY_FIELDS = 1_000
_PRINTABLE = re.compile(r"[!-~]+")
# What percent-encoding must not hide: separators, dots that climb, control characters.
_HIDDEN = re.compile(rb"[\x00-\x1f\x7f/\\]")
# Without any of these, no segment can hide something, and none needs to be decoded.
_SUSPICIOUS = re.compile(r"[%\\\x00-\x1f\x7f]|/\.\.?(?:/|$)")


def request_id(request: Request) -> str:
    """The id of a request: the caller's `x-request-id` when it is printable ASCII, cut to 255 characters, otherwise a new UUID.

    The same for every call with the same request.
    """
    known: str | None = request.scope.get(_REQUEST_ID)
    if known is None:
        known = request.scope[_REQUEST_ID] = printable(request.headers.get("x-request-id")) or str(uuid.uuid4())
    return known


def printable(text: str | None) -> str | None:
    """A header value cut to 255 characters when it is printable ASCII without blanks, otherwise None."""
    cut = (text or "").strip()[:REQUEST_ID_LENGTH]
    return cut if _PRINTABLE.fullmatch(cut) else None


def path_segments(request: Request) -> list[str]:
    """The non-empty segments of the path, percent-encoded as they came.

    Raises InvalidRequest for a segment that is `.` or `..`, or hides a slash, backslash or control character behind its encoding: one
    written path must mean one thing to every part that reads it.
    """
    raw = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
    try:
        path = raw.partition(b"?")[0].decode("ascii")
    except UnicodeDecodeError:
        raise InvalidRequest("The path is not percent-encoded.") from None
    segments = [segment for segment in path.split("/") if segment]
    if _SUSPICIOUS.search(path):
        for segment in segments:
            plain = unquote_to_bytes(segment)
            if plain in (b".", b"..") or _HIDDEN.search(plain):
                raise InvalidRequest(
                    "The path has a segment that is not allowed.", hint="Send a path without '.', '..' or encoded slashes."
                )
    return segments


def query_of(request: Request) -> str:
    """The query as it came, percent-encoded. Raises InvalidRequest for one that is not ASCII."""
    raw: bytes = request.scope["query_string"]
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise InvalidRequest("The query is not percent-encoded.", hint="Send every character that is not ASCII as %XX.") from None


def query_pairs(query: str) -> list[tuple[str, str]]:
    """The fields of a query string in order, repeated ones too. Raises InvalidRequest for more than 1,000."""
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError as error:
        raise InvalidRequest(f"The query has more than {_MAX_QUERY_FIELDS} fields.") from error


async def read_body(request: Request, limit: int) -> bytes:
    """The body. Raises GatewayError: `payload_too_large` as soon as it exceeds `limit` bytes, `request_timeout` after a minute."""
    if isinstance(request, WholeRequest):
        if len(request.whole_body) > limit:
            raise _too_large(limit)
        return request.whole_body
    if is_declared_larger(request.headers, limit):
        raise _too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise _too_large(limit)
    except TimeoutError as error:
        raise GatewayError("request_timeout", f"The body did not arrive within {BODY_SECONDS:.0f} seconds.") from error
    return bytes(body)


def _too_large(limit: int) -> GatewayError:
    return GatewayError("payload_too_large", f"A request body has at most {limit} bytes.", details={"limit": limit})
