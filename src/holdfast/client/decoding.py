"""Reads the server's JSON as the types of the registry."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from holdfast.client.connection import ServerUnusable

S = TypeVar("S")
T = TypeVar("T")


def read_result(sent: type[S], kind: type[T], response: Any, *path: str) -> T:
    """The part of a response at `path`, which the server sends as `sent` (in the spelling of the HTTP API), as a `kind`.

    Both have fields of the same names. Raises ServerUnusable when the response does not match.
    """
    result = read_shape(sent, response, *path)
    return msgspec.convert(result, kind, from_attributes=True)


def read_shape(kind: type[T], response: Any, *path: str) -> T:
    """The part of a response at `path` as a `kind`. Raises ServerUnusable when it does not match."""
    try:
        for name in path:
            response = response[name]
        return msgspec.convert(response, kind)
    except (KeyError, TypeError, msgspec.ValidationError):
        raise ServerUnusable("The server's answer is not of the form that is known here.", hint="It may be of another version.") from None
