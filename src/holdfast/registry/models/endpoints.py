"""The endpoints of a version: normalised when installed, matched against calls by the gateway."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct, ValidationError, convert
from msgspec.structs import replace

from holdfast.bundles.manifest.fields.request_headers import refusal_reason

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


class Endpoint(Struct, frozen=True, rename="camel"):
    """One route: `path` has a leading `/`; its segments are literal or `:name`. Stored as the JSON object of the same fields."""

    method: str
    path: str
    handler: str
    schedulable: bool = False
    permission: str | None = None
    client_portal: bool | None = None
    request_headers: tuple[str, ...] = ()
    """Further request headers that the endpoint receives, in lower case."""


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
            endpoints.append(replace(endpoint, method=method, request_headers=_allowed_headers(endpoint.request_headers)))
    return endpoints


def to_stored(endpoint: Endpoint) -> dict[str, Any]:
    """The JSON object that is stored for an endpoint: method, path, handler, and what differs from the defaults."""
    stored: dict[str, Any] = {"method": endpoint.method, "path": endpoint.path, "handler": endpoint.handler}
    if endpoint.schedulable:
        stored["schedulable"] = True
    if endpoint.permission is not None:
        stored["permission"] = endpoint.permission
    if endpoint.client_portal is not None:
        stored["clientPortal"] = endpoint.client_portal
    if endpoint.request_headers:
        stored["requestHeaders"] = list(endpoint.request_headers)
    return stored


def _allowed_headers(names: Iterable[str]) -> tuple[str, ...]:
    """The names that an extension may receive. The rows may be of another host, or written by hand: a credential never passes."""
    return tuple(sorted({name.lower() for name in names if refusal_reason(name.lower()) is None}))


def _clean(text: str) -> str:
    return re.sub(r"/{2,}", "/", re.sub(r"^(\./+)+", "", text.strip()))


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]
