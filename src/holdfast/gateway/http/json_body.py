"""Reads JSON request bodies as typed values."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request

from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.http.requests import read_body

T = TypeVar("T")


async def read_json(request: Request, shape: type[T], limit: int) -> T:
    """The body as `shape`. Raises InvalidRequest, and GatewayError (`payload_too_large` above `limit` bytes, `request_timeout`)."""
    return decode_json(await read_body(request, limit), shape)


async def read_optional_json(request: Request, shape: type[T], limit: int) -> T:
    """The same, where an empty body means an object without fields."""
    return decode_json(await read_body(request, limit) or b"{}", shape)


def decode_json(body: bytes, shape: type[T]) -> T:
    """The JSON as `shape`. Raises InvalidRequest."""
    return decode_json_with(msgspec.json.Decoder(shape), body)


def decode_json_with(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The JSON as the shape of a decoder that was made once, for what is decoded often. Raises InvalidRequest."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest("The request body does not have the required shape.", details={"issue": str(error)[:300]}) from error
