"""Renders templates. Every value is escaped; every page has the console's security headers."""

from __future__ import annotations

import shlex
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from holdfast.console.security_headers import set_page_headers

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Link:
    """A link on an error page."""

    label: str
    href: str


class Pages:
    """The console's templates. With `development`, pages have a banner that says that unsigned bundles run."""

    def __init__(self, *, development: bool) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._environment.filters["short_hash"] = short_hash
        self._environment.filters["tint"] = tint
        self._environment.filters["shell_quote"] = shlex.quote
        self._environment.globals["development"] = development

    def render(
        self,
        template: str,
        values: Mapping[str, Any],
        *,
        status: int = 200,
        frames: Iterable[str] = (),
        connections: Iterable[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """The page as a response. `frames` and `connections` are sources that its policy allows besides the console."""
        response = HTMLResponse(self._environment.get_template(template).render(values), status_code=status, headers=headers)
        set_page_headers(response.headers, frames=frames, connections=connections)
        return response


def short_hash(content_hash: str) -> str:
    """The first 12 hexadecimal digits of a `sha256:…` hash: short enough to read, long enough to compare."""
    return content_hash.removeprefix("sha256:")[:12]


def tint(registry_id: str) -> int:
    """Which of the stylesheet's six colours an extension has; it is the same on every page."""
    return zlib.crc32(registry_id.encode()) % 6
