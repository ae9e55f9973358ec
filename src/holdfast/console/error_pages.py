"""The texts of error pages: what is wrong, why, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import HTMLResponse

from holdfast.console.rendering import Link, Pages
from holdfast.errors import HoldfastError

HOME = Link("Go to the overview", "/")


@dataclass(frozen=True, kw_only=True)
class ErrorPage:
    """The content of an error page. `code` is the error's stable code, `command` something to type into a terminal."""

    status: int
    code: str
    heading: str
    message: str
    hint: str | None = None
    command: str | None = None
    links: Sequence[Link] = (HOME,)


def render_error_page(
    pages: Pages, page: ErrorPage, layout_values: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """The response with the page: inside the console's layout if `layout_values` are given, on its own otherwise."""
    values = {"visitor": None, **(layout_values or {}), **{name: getattr(page, name) for name in page.__dataclass_fields__}}
    return pages.render("error_page.html", values, status=page.status, headers=headers)


def error_page_for(error: HoldfastError) -> ErrorPage:
    """The page for an exception."""
    heading = "Something went wrong" if error.status >= 500 else "That did not work"
    return ErrorPage(status=error.status, code=error.code, heading=heading, message=error.message, hint=error.hint)


NOT_FOUND = ErrorPage(
    status=404,
    code="not_found",
    heading="Page not found",
    message="The console has no page at this address.",
    hint="Check the address, or start from the overview.",
)

METHOD_NOT_ALLOWED = ErrorPage(
    status=405,
    code="method_not_allowed",
    heading="Request not supported",
    message="This address does not accept this kind of request.",
    hint="Open the page from the console's menu.",
)

INTERNAL_ERROR = ErrorPage(
    status=500,
    code="internal_error",
    heading="Something went wrong",
    message="The console could not make this page.",
    hint="Load the page again. If that does not help, look for the reason in the platform's log.",
)

OTHER_SITE = ErrorPage(
    status=403,
    code="origin_refused",
    heading="This form came from another site",
    message="The console accepts forms from its own pages only.",
    hint="Open the console in this window and try again. A proxy in front of it must pass the Host header on unchanged.",
)

STAFF_ONLY = ErrorPage(
    status=403,
    code="forbidden",
    heading="You cannot open this page",
    message="It needs the permission extension:read, which your account does not have.",
    hint="Ask an administrator of your tenant for a role with this permission.",
    links=(),
)

NOT_IN_PORTAL = ErrorPage(
    status=404,
    code="not_found",
    heading="Page not found",
    message="No extension that you can open is at this address.",
    hint="Choose one of your extensions.",
    links=(Link("Show my extensions", "/"),),
)


def not_installed(extension: str) -> ErrorPage:
    return ErrorPage(
        status=404,
        code="not_installed",
        heading="Extension not found",
        message=f"The extension {extension[:80]} is not installed for your tenant.",
        hint="Install it from its folder, then load this page again:",
        command="holdfast install DIR",
    )


def disabled(name: str, registry_id: str) -> ErrorPage:
    return ErrorPage(
        status=404,
        code="extension_disabled",
        heading=f"{name} is disabled",
        message="A disabled extension has no page and accepts no calls.",
        hint="Enable it, or ask an administrator to. Then load this page again:",
        command=f"holdfast enable {registry_id}",
        links=(HOME, Link("Debug events", f"/msp/extensions/{registry_id}/debug")),
    )


def without_page(name: str, registry_id: str) -> ErrorPage:
    return ErrorPage(
        status=404,
        code="no_ui",
        heading=f"{name} has no page",
        message="Its manifest has no “ui” section, so there is no page to show. You can call its API:",
        command=f"curl -H 'x-api-key: …' …/api/ext/{registry_id}/",
        links=(HOME, Link("Debug events", f"/msp/extensions/{registry_id}/debug")),
    )


def without_bundle(name: str) -> ErrorPage:
    return ErrorPage(
        status=404,
        code="bundle_not_available",
        heading=f"{name} has no bundle",
        message="The installed version has no bundle, and its page is in the bundle.",
        hint="Install the extension again from its folder:",
        command="holdfast install DIR",
    )
