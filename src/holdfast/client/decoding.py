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
        raise ServerUnusable("Invalid response from the server.", hint="Check that server and command have the same version.") from None
