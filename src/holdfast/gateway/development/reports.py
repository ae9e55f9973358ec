"""The messages of `holdfast dev`: how far the build of an extension is, and what is served."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Status = Literal["building", "ready", "failed"]


class ReportedProblem(Struct, frozen=True, rename="camel"):
    """One problem of a build, as the overlay shows it. Line and column count from 1; `frame` is the source around it."""

    text: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    frame: str | None = None


class BuildState(Struct, frozen=True, kw_only=True, rename="camel"):
    """How far an extension's build is.

    `content_hash` is the bundle that is served. `pages` identifies the content of all page files except style sheets; `styles` does it for
    each style sheet, by its path below the page's folder. `page_url` is where a development server shows the page, instead of the bundle.
    `title`, `problems` and `hint` describe a failed build.
    """

    status: Status
    content_hash: str | None = None
    pages: str = ""
    styles: dict[str, str] = {}
    page_url: str | None = None
    title: str = ""
    problems: tuple[ReportedProblem, ...] = ()
    hint: str | None = None


class Registered(Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer to a report: the ids of the extension."""

    registry_id: str
    tenant_id: str
