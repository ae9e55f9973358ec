"""Authenticates callers by session cookie, bearer token or API key, and checks that the request does not contradict the credential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request

from holdfast.gateway.http.errors import GatewayError, Unauthenticated
from holdfast.gateway.services import Services
from holdfast.records.api_keys import KEY_MARK, find_api_key
from holdfast.records.identities import Identity
from holdfast.records.sessions import find_session
from holdfast.registry.actors import Actor

SESSION_COOKIE = "holdfast_session"
TENANT_HEADERS = ("x-alga-tenant", "x-tenant-id")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_CREDENTIAL_LENGTH = 512


@dataclass(frozen=True)
class Caller:
    """An authenticated caller. `by` is `cookie` for a browser, which attaches it to any request, or `token` for a deliberate credential."""

    identity: Identity
    by: Literal["cookie", "token"]

    @property
    def actor(self) -> Actor:
        """The caller as the registry records it in the audit log."""
        return Actor(tenant_id=self.identity.tenant_id, user_id=self.identity.user_id, email=self.identity.email)


async def caller_of(services: Services, request: Request) -> Caller:
    """The caller of a request.

    A token takes precedence over a cookie, and a wrong token is rejected even if the cookie is valid. Raises Unauthenticated, and
    GatewayError: `mixed_auth`, `origin_mismatch` (a browser's request from a page of another origin), `tenant_mismatch` (a header names
    another tenant).
    """
    token = _token_of(request)
    if token is not None:
        caller = Caller(await _identity_by_token(services, token), "token")
    else:
        caller = Caller(await _identity_by_cookie(services, request), "cookie")
    _check_identity(caller.identity)
    _check_tenant_headers(request, caller.identity.tenant_id)
    return caller


def _token_of(request: Request) -> str | None:
    authorization = request.headers.get("authorization")
    api_key = request.headers.get("x-api-key")
    bearer = None
    if authorization is not None:
        scheme, _, bearer = authorization.partition(" ")
        bearer = bearer.strip()
        if scheme.lower() != "bearer" or not bearer:
            raise Unauthenticated("unauthenticated", "The Authorization header does not have the form 'Bearer TOKEN'.")
    if bearer is not None and api_key is not None and bearer != api_key:
        raise GatewayError("mixed_auth", "The request carries two different credentials.", hint="Send either Authorization or x-api-key.")
    return bearer if bearer is not None else api_key


async def _identity_by_token(services: Services, token: str) -> Identity:
    identity = None
    # A longer text cannot be a credential; do not hash it.
    if len(token) <= _MAX_CREDENTIAL_LENGTH:
        find = find_api_key if token.startswith(KEY_MARK) else find_session
        identity = await find(services.db, token, now=services.now)
    if identity is None:
        raise Unauthenticated(
            "unauthenticated",
            "The token is unknown, expired or revoked.",
            hint="Log in again in the console, or use the API key that `holdfast up` printed.",
        )
    return identity


async def _identity_by_cookie(services: Services, request: Request) -> Identity:
    token = request.cookies.get(SESSION_COOKIE)
    if not token:
        raise Unauthenticated(
            "unauthenticated", "You are not logged in.", hint="Log in, or send an API key as 'Authorization: Bearer KEY'."
        )
    identity = await find_session(services.db, token, now=services.now) if len(token) <= _MAX_CREDENTIAL_LENGTH else None
    if identity is None:
        raise Unauthenticated("unauthenticated", "Your session has ended.", hint="Log in again.")
    _check_origin(request)
    return identity


def _check_origin(request: Request) -> None:
    # A browser attaches the cookie no matter which site's page sends the request. The page of an extension has the origin "null".
    origin = request.headers.get("origin")
    if origin is None:
        if request.method in _SAFE_METHODS:
            return
        raise GatewayError(
            "origin_mismatch", "The request does not say which page it comes from.", hint="Send the Origin header, or use an API key."
        )
    sent, own = urlsplit(origin), urlsplit(str(request.url))
    if (sent.scheme, sent.netloc.lower()) != (own.scheme, request.headers.get("host", "").lower()):
        raise GatewayError(
            "origin_mismatch", "The request comes from a page of another origin.", hint="Use an API key for calls from other sites."
        )


def _check_identity(identity: Identity) -> None:
    if not identity.tenant_id.strip():
        raise Unauthenticated("invalid_session", "The session has no tenant.", hint="Log in again.")
    if identity.user_type == "internal" and identity.contact_id is not None:
        raise Unauthenticated(
            "invalid_session", "An internal user cannot be a client's contact.", hint="Ask an administrator to correct this user."
        )


def _check_tenant_headers(request: Request, tenant_id: str) -> None:
    for name in TENANT_HEADERS:
        if any(value.strip().lower() != tenant_id.lower() for value in request.headers.getlist(name)):
            raise GatewayError("tenant_mismatch", f"The header {name} names a tenant other than yours.", hint="Omit the header.")
