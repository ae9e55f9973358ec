"""Who is calling: a session cookie, a bearer token or an API key; and that the request does not contradict it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request

from holdfast.gateway.http.errors import GatewayError, Unauthenticated
from holdfast.gateway.services import Services
from holdfast.records.api_keys import KEY_MARK, find_api_key
from holdfast.records.identities import Identity, has_permission
from holdfast.records.sessions import find_session

SESSION_COOKIE = "holdfast_session"
TENANT_HEADERS = ("x-alga-tenant", "x-tenant-id")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_CREDENTIAL = 512


@dataclass(frozen=True)
class Caller:
    """A known caller. `by` is `cookie` for a browser, which sends it unasked, or `token` for a program that means to."""

    identity: Identity
    by: Literal["cookie", "token"]


async def caller_of(services: Services, request: Request) -> Caller:
    """The caller of a request.

    A token counts before a cookie, and a wrong token is refused even beside a good cookie. Raises Unauthenticated, InvalidSession,
    MixedAuth, OriginMismatch (a browser's request from another origin's page), TenantMismatch (a tenant header that names another).
    """
    offered = _offered_token(request)
    if offered is not None:
        caller = Caller(await _by_token(services, offered), "token")
    else:
        caller = Caller(await _by_cookie(services, request), "cookie")
    _check_identity(caller.identity)
    _check_tenant_headers(request, caller.identity.tenant_id)
    return caller


async def require_permission(services: Services, caller: Caller, permission: str) -> None:
    """Raises Forbidden unless the caller is an internal user whose roles (and key) grant `resource:action`."""
    resource, _, action = permission.partition(":")
    if not await has_permission(services.db, caller.identity, resource, action):
        raise GatewayError("forbidden", f"This needs the permission {permission}.", hint="Ask an administrator of your tenant for it.")


def _offered_token(request: Request) -> str | None:
    authorization = request.headers.get("authorization")
    api_key = request.headers.get("x-api-key")
    bearer = None
    if authorization is not None:
        scheme, _, bearer = authorization.partition(" ")
        bearer = bearer.strip()
        if scheme.lower() != "bearer" or not bearer:
            raise Unauthenticated("unauthenticated", "The header Authorization is not of the form 'Bearer TOKEN'.")
    if bearer is not None and api_key is not None and bearer != api_key:
        raise GatewayError("mixed_auth", "The request carries two different credentials.", hint="Send either Authorization or x-api-key.")
    return bearer if bearer is not None else api_key


async def _by_token(services: Services, token: str) -> Identity:
    identity = None
    if len(token) <= _MAX_CREDENTIAL:
        find = find_api_key if token.startswith(KEY_MARK) else find_session
        identity = await find(services.db, token, now=services.now)
    if identity is None:
        raise Unauthenticated(
            "unauthenticated",
            "The token is unknown, expired or revoked.",
            hint="Log in again in the console, or use the API key that `holdfast up` printed.",
        )
    return identity


async def _by_cookie(services: Services, request: Request) -> Identity:
    token = request.cookies.get(SESSION_COOKIE)
    if not token:
        raise Unauthenticated(
            "unauthenticated", "You are not signed in.", hint="Sign in, or send an API key as 'Authorization: Bearer KEY'."
        )
    identity = await find_session(services.db, token, now=services.now) if len(token) <= _MAX_CREDENTIAL else None
    if identity is None:
        raise Unauthenticated("unauthenticated", "Your session has ended.", hint="Sign in again.")
    _check_origin(request)
    return identity


def _check_origin(request: Request) -> None:
    # A browser attaches the cookie whoever wrote the page that asks. The page of an extension has the origin "null".
    origin = request.headers.get("origin")
    if origin is None:
        if request.method in _READING:
            return
        raise GatewayError(
            "origin_mismatch", "The request does not say which page it comes from.", hint="Send the header Origin, or use an API key."
        )
    sent, own = urlsplit(origin), urlsplit(str(request.url))
    if (sent.scheme, sent.netloc.lower()) != (own.scheme, request.headers.get("host", "").lower()):
        raise GatewayError(
            "origin_mismatch", "The request comes from a page of another origin.", hint="Use an API key for calls from elsewhere."
        )


def _check_identity(identity: Identity) -> None:
    if not identity.tenant_id.strip():
        raise Unauthenticated("invalid_session", "The session has no tenant.", hint="Sign in again.")
    if identity.user_type == "internal" and identity.contact_id is not None:
        raise Unauthenticated(
            "invalid_session", "An internal user cannot be a client's contact.", hint="An administrator must correct this user."
        )


def _check_tenant_headers(request: Request, tenant_id: str) -> None:
    for name in TENANT_HEADERS:
        if any(value.strip().lower() != tenant_id.lower() for value in request.headers.getlist(name)):
            raise GatewayError("tenant_mismatch", f"The header {name} names another tenant than yours.", hint="Leave it out.")
