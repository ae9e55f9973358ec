"""The endpoints of a version: normalised when installed, matched against calls by the gateway."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote

from msgspec import Struct, ValidationError, convert

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


class Endpoint(Struct, frozen=True, rename="camel"):
    """One route: `path` has a leading `/`; its segments are literal or `:name`. Stored as the JSON object of the same fields."""

    method: str
    path: str
    handler: str
    schedulable: bool = False
    permission: str | None = None
    client_portal: bool | None = None


def normalise_path(path: str) -> str:
    """A path with one leading `/`, no leading `./` and no repeated slashes."""
    return "/" + "/".join(_segments(_clean(path)))


def normalise_handler(handler: str) -> str:
    """A handler without leading `./` and repeated slashes."""
    return _clean(handler)


def read_endpoints(stored: object) -> list[Endpoint]:
    """The usable endpoints in `extension_version.api_endpoints`: entries without a known method, a path or a handler are ignored."""
    if not isinstance(stored, list):
        return []
    endpoints = []
    for entry in stored:
        try:
            endpoint = convert(entry, Endpoint)
        except ValidationError:
            continue
        method = endpoint.method.strip().upper()
        if method in METHODS and endpoint.path.strip() and endpoint.handler.strip():
            endpoints.append(
                Endpoint(method, endpoint.path, endpoint.handler, endpoint.schedulable, endpoint.permission, endpoint.client_portal)
            )
    return endpoints


def match_endpoint(endpoints: Iterable[Endpoint], method: str, path: str) -> Endpoint | None:
    """The first endpoint for a call, or None. `path` may be percent-encoded; slashes at its ends do not matter.

    Segments of an endpoint are literal, or `:name` for any one that is not empty; there are no wildcards.
    """
    called = [unquote(segment) for segment in path.strip("/").split("/")]
    for endpoint in endpoints:
        if endpoint.method == method and _fits(endpoint.path.strip("/").split("/"), called):
            return endpoint
    return None


def to_stored(endpoint: Endpoint) -> dict[str, Any]:
    """The JSON object that is stored for an endpoint: method, path, handler, and what differs from the defaults."""
    stored: dict[str, Any] = {"method": endpoint.method, "path": endpoint.path, "handler": endpoint.handler}
    if endpoint.schedulable:
        stored["schedulable"] = True
    if endpoint.permission is not None:
        stored["permission"] = endpoint.permission
    if endpoint.client_portal is not None:
        stored["clientPortal"] = endpoint.client_portal
    return stored


def _fits(pattern: Sequence[str], called: Sequence[str]) -> bool:
    return len(pattern) == len(called) and all(
        bool(actual) if expected.startswith(":") else expected == actual for expected, actual in zip(pattern, called, strict=True)
    )


def _clean(text: str) -> str:
    return re.sub(r"/{2,}", "/", re.sub(r"^(\./+)+", "", text.strip()))


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]
