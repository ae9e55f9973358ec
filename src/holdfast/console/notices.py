"""Pages that say why something is not there and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import HTMLResponse

from holdfast.console.rendering import Link, Pages
from holdfast.errors import HoldfastError

HOME = Link("Go to the overview", "/")


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a notice says. `code` is the stable code of the refusal, `command` something to type into a terminal."""

    status: int
    code: str
    heading: str
    message: str
    hint: str | None = None
    command: str | None = None
    links: Sequence[Link] = (HOME,)


def show_notice(
    pages: Pages, notice: Notice, shell: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """The notice as a page: inside the console with the values of `shell`, alone without."""
    values = {"visitor": None, **(shell or {}), **{name: getattr(notice, name) for name in notice.__dataclass_fields__}}
    return pages.answer("notice.html", values, status=notice.status, headers=headers)


def notice_of(error: HoldfastError) -> Notice:
    """The notice of a refusal that was raised."""
    heading = "Something went wrong" if error.status >= 500 else "That did not work"
    return Notice(status=error.status, code=error.code, heading=heading, message=error.message, hint=error.hint)


NOT_FOUND = Notice(status=404, code="not_found", heading="There is no such page", message="The address leads nowhere in this console.")

METHOD_NOT_ALLOWED = Notice(
    status=405, code="method_not_allowed", heading="That is not possible here", message="This address does not take that kind of request."
)

FAILED = Notice(
    status=500,
    code="internal_error",
    heading="Something went wrong",
    message="The console could not make this page. The log of the platform says why.",
    hint="Load the page again. If it stays like this, the platform's log says why.",
)

OTHER_SITE = Notice(
    status=403,
    code="origin_refused",
    heading="This form came from another site",
    message="The console takes forms from its own pages only.",
    hint="Open the console in this window and try again. Behind a proxy, the Host header has to be passed on unchanged.",
)

STAFF_ONLY = Notice(
    status=403,
    code="forbidden",
    heading="This page is not for your account",
    message="It needs the permission extension:read, which your account does not have.",
    hint="Ask an administrator of your organisation for a role that holds it.",
    links=(),
)


def not_installed(extension: str) -> Notice:
    return Notice(
        status=404,
        code="not_installed",
        heading="Extension not found",
        message=f"No extension {extension[:80]} is installed for this tenant.",
        hint="Install it from its folder, then load this page again:",
        command="holdfast install DIR",
    )


def disabled(name: str, registry_id: str) -> Notice:
    return Notice(
        status=404,
        code="extension_disabled",
        heading=f"{name} is switched off",
        message="While an extension is disabled it is neither shown nor called.",
        hint="Whoever manages extensions here can enable it again.",
        links=(HOME, Link("Debug events", f"/msp/extensions/{registry_id}/debug")),
    )


def without_page(name: str, registry_id: str) -> Notice:
    return Notice(
        status=404,
        code="no_ui",
        heading=f"{name} has no page",
        message="Its manifest declares no “ui”, so there is nothing to show here. Its API can be called all the same:",
        command=f"curl -H 'x-api-key: …' …/api/ext/{registry_id}/",
        links=(HOME, Link("Debug events", f"/msp/extensions/{registry_id}/debug")),
    )


def without_bundle(name: str) -> Notice:
    return Notice(
        status=404,
        code="bundle_not_available",
        heading=f"{name} has no bundle",
        message="The installed version has no archive to take the page from.",
        hint="Install it again from its folder:",
        command="holdfast install DIR",
    )


NOT_IN_PORTAL = Notice(
    status=404,
    code="not_found",
    heading="There is no such page",
    message="No extension with a page for you is at this address.",
    links=(Link("Show what there is", "/"),),
)
