"""Requests and responses as handlers see them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Context:
    """Whose call this is. `config` is what the tenant has configured; `trigger` is what made the call (`schedule`), None for a caller."""

    tenant_id: str
    extension_id: str
    request_id: str | None = None
    install_id: str | None = None
    version_id: str | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    trigger: str | None = None
    schedule_id: str | None = None


@dataclass(frozen=True)
class Request:
    """One request. `url` is the path with its query; `headers` are pairs in the order received; an absent body is None."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    context: Context = field(default_factory=lambda: Context("", ""))

    @property
    def path(self) -> str:
        return urlsplit(self.url).path or "/"

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.url).query, keep_blank_values=True)

    def header(self, name: str) -> str | None:
        """The first header of that name, compared without regard to case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def text(self) -> str:
        """The body as UTF-8; an absent body is the empty string. Raises UnicodeDecodeError."""
        return (self.body or b"").decode()

    def json(self) -> Any:
        """The body as JSON; an absent body is None. Raises ValueError where it is not JSON."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Response:
    """One answer. `headers` may be a mapping or pairs; text bodies are sent as UTF-8."""

    status: int = 200
    body: bytes | str | None = None
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()

    def header_pairs(self) -> list[tuple[str, str]]:
        pairs = self.headers.items() if isinstance(self.headers, Mapping) else self.headers
        return [(str(name), str(value)) for name, value in pairs]


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`value` as JSON; `headers` replace the content-type as a whole. Raises TypeError where JSON cannot hold it."""
    return Response(status, json.dumps(value).encode(), {"content-type": "application/json"} if headers is None else headers)


def text_response(text: str, status: int = 200) -> Response:
    return Response(status, text, {"content-type": "text/plain; charset=utf-8"})


def empty_response(status: int = 204) -> Response:
    return Response(status)
