"""The request body of `POST /warmup`, and how JSON bodies are read and written."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from holdfast.runner.errors import MalformedBody, WrongShape

T = TypeVar("T")


Name = Annotated[str, Meta(min_length=1)]


class WarmupCall(Struct, frozen=True, kw_only=True):
    """The body of `POST /warmup`."""

    tenant_id: Name
    extension_id: Name
    content_hash: Name


def decode(body: bytes, shape: type[T]) -> T:
    """Reads a JSON body. Raises MalformedBody when it is no JSON, WrongShape when a field is missing or of another type."""
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        raise WrongShape(f"The request body does not have the agreed shape: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody(f"The request body is not JSON: {error}.") from None


def encode(value: Any) -> bytes:
    """JSON; bytes become standard base64."""
    return msgspec.json.encode(value)
