"""Turns a template and its values into an answer. Every value is escaped; every page carries the console's policy."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from holdfast.console.policy import secure_page

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Link:
    """A next step on a notice."""

    label: str
    href: str


class Pages:
    """The console's templates. `development` shows the banner that says unsigned bundles run here."""

    def __init__(self, *, development: bool) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._environment.filters["short_hash"] = short_hash
        self._environment.filters["tint"] = tint
        self._environment.globals["development"] = development

    def answer(
        self,
        template: str,
        values: Mapping[str, Any],
        *,
        status: int = 200,
        frames: Iterable[str] = (),
        connections: Iterable[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """The page as an HTML answer. `frames` and `connections` are sources its policy allows beside the console itself."""
        response = HTMLResponse(self._environment.get_template(template).render(values), status_code=status, headers=headers)
        secure_page(response.headers, frames=frames, connections=connections)
        return response


def short_hash(content_hash: str) -> str:
    """The first 12 hexadecimal digits of a `sha256:…` hash, as people compare them."""
    return content_hash.removeprefix("sha256:")[:12]


def tint(registry_id: str) -> int:
    """Which of the stylesheet's six tints an extension has: the same one wherever it appears."""
    return zlib.crc32(registry_id.encode()) % 6
