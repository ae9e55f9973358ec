"""What the console's pages work with, assembled once at the start."""

from __future__ import annotations

from starlette.requests import Request

from holdfast.bundles.signing.trust_store import TrustStoreUnusable
from holdfast.console.rendering import Pages
from holdfast.console.urls import FrameBase
from holdfast.gateway.auth.authentication import caller_of
from holdfast.gateway.http.errors import Unauthenticated
from holdfast.gateway.services import Services
from holdfast.records.identities import Identity
from holdfast.registry.installs.results import InstallSummary


class ConsoleServices:
    """The gateway's services, the templates and the address of extension pages. Raises ConsoleUrlError when that is malformed."""

    def __init__(self, gateway: Services) -> None:
        self.gateway = gateway
        self.pages = Pages(development=gateway.is_development)
        self.frame_base = FrameBase.parse(gateway.settings.runner_public_base)

    async def visitor(self, request: Request) -> Identity | None:
        """The logged-in user, or None. Raises the gateway's errors for requests that contradict their session."""
        try:
            return (await caller_of(self.gateway, request)).identity
        except Unauthenticated:
            return None

    def signature_state(self, install: InstallSummary) -> str:
        """`signed`, `unsigned` or `untrusted`: the state of the bundle's signature by the keys that are trusted now."""
        try:
            return self.gateway.trust_policy.signature_state(install.signing_key_id)
        except TrustStoreUnusable:
            # Without a readable list of trusted keys, no key is trusted.
            return "untrusted"
