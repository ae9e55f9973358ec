"""Requests for pages: handlers that run only for logged-in users, and the values that the layout of every page needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from holdfast.console.error_pages import STAFF_ONLY, ErrorPage, error_page_for, render_error_page
from holdfast.console.menu import make_menu
from holdfast.console.services import ConsoleServices
from holdfast.errors import HoldfastError
from holdfast.records.identities import Identity, has_permission
from holdfast.registry.installs.results import InstallSummary


@dataclass(frozen=True)
class PageRequest:
    """A request for a page by a logged-in user. `installs` are those of the user's tenant."""

    console: ConsoleServices
    request: Request
    visitor: Identity
    installs: Sequence[InstallSummary]

    def layout_values(self, active: str = "") -> dict[str, Any]:
        """The template values of the layout. `active` is `overview` or a registry id: the menu entry to highlight."""
        return {"visitor": self.visitor, "menu": make_menu(self.installs, is_client=self.visitor.is_client), "active": active}

    def signature_states(self) -> dict[str, str]:
        """The state of each install's signature, by registry id."""
        return {install.registry_id: self.console.signature_state(install) for install in self.installs}

    def error_page(self, error_page: ErrorPage, active: str = "") -> Response:
        """An error page inside the console's layout."""
        return render_error_page(self.console.pages, error_page, self.layout_values(active))


PageHandler = Callable[[PageRequest], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def login_required(console: ConsoleServices, handler: PageHandler) -> Endpoint:
    """An endpoint for logged-in users. Others go to the login page, which sends them back. Errors become error pages."""

    async def endpoint(request: Request) -> Response:
        identity = await console.visitor(request)
        if identity is None:
            target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?{urlencode({'next': target})}", status_code=303, headers={"cache-control": "no-store"})
        page_request = PageRequest(console, request, identity, await console.gateway.installs.list(tenant_id=identity.tenant_id))
        try:
            return await handler(page_request)
        except HoldfastError as error:
            return page_request.error_page(error_page_for(error))

    return endpoint


def staff_required(console: ConsoleServices, handler: PageHandler) -> Endpoint:
    """An endpoint for internal users with the permission `extension:read`. Other users see which permission they lack."""

    async def check_permission(page_request: PageRequest) -> Response:
        if not await has_permission(console.gateway.db, page_request.visitor, "extension", "read"):
            return page_request.error_page(STAFF_ONLY)
        return await handler(page_request)

    return login_required(console, check_permission)
