"""What every page has around it: who is signed in, the menu, and the way to the login page for those who are not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.signing.trust_store import TrustStoreUnusable
from holdfast.console.addresses import FrameBase
from holdfast.console.menus import menu
from holdfast.console.notices import STAFF_ONLY, Notice, notice_of, show_notice
from holdfast.console.rendering import Pages
from holdfast.errors import HoldfastError
from holdfast.gateway.auth.authentication import caller_of
from holdfast.gateway.http.errors import Unauthenticated
from holdfast.gateway.services import Services
from holdfast.records.identities import Identity, has_permission
from holdfast.registry.installs.listing import InstallSummary, list_installs


class Console:
    """What the pages work with, put together once at the start. Raises FrameBaseInvalid."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.pages = Pages(development=services.is_development)
        self.frame_base = FrameBase.parse(services.settings.runner_public_base)
        self._trust = TrustPolicy.from_settings(services.settings)

    async def visitor(self, request: Request) -> Identity | None:
        """Who is signed in; None for nobody. Raises the gateway's refusals of requests that contradict their session."""
        try:
            return (await caller_of(self.services, request)).identity
        except Unauthenticated:
            return None

    def seal(self, install: InstallSummary) -> str:
        """`signed`, `unsigned` or `untrusted`: how the install's bundle stands now."""
        try:
            return self._trust.signature_state(install.signing_key_id)
        except TrustStoreUnusable:
            # Nothing counts while nobody can say which keys do.
            return "untrusted"


@dataclass(frozen=True)
class Visit:
    """One request for a page by somebody who is signed in."""

    console: Console
    request: Request
    visitor: Identity
    installs: Sequence[InstallSummary]

    def values(self, active: str = "") -> dict[str, Any]:
        """What the layout shows. `active` is `overview` or a registry id: the menu entry of this page."""
        return {"visitor": self.visitor, "menu": menu(self.installs, is_client=self.visitor.is_client), "active": active}

    def seals(self) -> dict[str, str]:
        """For each install, by its registry id, how its bundle's signature stands."""
        return {install.registry_id: self.console.seal(install) for install in self.installs}

    def notice(self, notice: Notice, active: str = "") -> Response:
        return show_notice(self.console.pages, notice, self.values(active))


Page = Callable[[Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def signed_in(console: Console, page: Page) -> Endpoint:
    """The page for those who are signed in; others are sent to the login page and come back. Refusals become notices."""

    async def endpoint(request: Request) -> Response:
        identity = await console.visitor(request)
        if identity is None:
            target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?{urlencode({'next': target})}", status_code=303, headers={"cache-control": "no-store"})
        visit = Visit(console, request, identity, await list_installs(console.services.db, identity.tenant_id))
        try:
            return await page(visit)
        except HoldfastError as error:
            return visit.notice(notice_of(error))

    return endpoint


def staff(console: Console, page: Page) -> Endpoint:
    """The page for internal users with the permission `extension:read`; other users are told so."""

    async def permitted(visit: Visit) -> Response:
        if not await has_permission(console.services.db, visit.visitor, "extension", "read"):
            return show_notice(console.pages, STAFF_ONLY, visit.values())
        return await page(visit)

    return signed_in(console, permitted)
