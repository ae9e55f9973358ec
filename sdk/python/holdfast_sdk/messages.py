"""The requests that handlers get and the responses that they return."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Context:
    """The tenant and the install of a call.

    `config` has the tenant's settings, with the types that the manifest declares: a boolean is True or False, a number an int or a float.
    `trigger` is `schedule` for a scheduled call and `event` for an event, else None; `schedule_id` is the schedule that made the call.
    """

    tenant_id: str
    extension_id: str
    request_id: str | None = None
    install_id: str | None = None
    version_id: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    trigger: str | None = None
    schedule_id: str | None = None


@dataclass(frozen=True)
class Request:
    """One request. `url` is the path with its query; `headers` are pairs in the order received; `body` is None without one."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    context: Context = field(default_factory=lambda: Context("", ""))

    @property
    def path(self) -> str:
        """The path of the URL, without the query."""
        return urlsplit(self.url).path or "/"

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters of the query, each with all its values."""
        return parse_qs(urlsplit(self.url).query, keep_blank_values=True)

    def header(self, name: str) -> str | None:
        """The first header with that name, in any case; None without one."""
        lowered = name.lower()
        return next((value for key, value in self.headers if key.lower() == lowered), None)

    def text(self) -> str:
        """The body decoded as UTF-8; the empty string without a body. Raises UnicodeDecodeError."""
        return (self.body or b"").decode()

    def json(self) -> Any:
        """The body parsed as JSON; None without a body. Raises ValueError when it is not JSON."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Response:
    """One response. `headers` is a mapping or pairs; a text body is sent as UTF-8."""

    status: int = 200
    body: bytes | str | None = None
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()

    def header_pairs(self) -> list[tuple[str, str]]:
        """The headers as pairs of text, in order."""
        pairs = self.headers.items() if isinstance(self.headers, Mapping) else self.headers
        return [(str(name), str(value)) for name, value in pairs]


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`value` as JSON. `headers`, if given, replace the default content type. Raises TypeError when JSON cannot represent it."""
    return Response(status, json.dumps(value).encode(), {"content-type": "application/json"} if headers is None else headers)


def text_response(text: str, status: int = 200) -> Response:
    """A response with plain text."""
    return Response(status, text, {"content-type": "text/plain; charset=utf-8"})


def empty_response(status: int = 204) -> Response:
    """A response without a body."""
    return Response(status)
