"""Authenticates callers by session cookie, bearer token or API key, and checks that the request does not contradict the credential."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request

from holdfast.contract.ui_proxy_routes import CALL_TOKEN_HEADER, is_closed, is_declared
from holdfast.gateway.auth.call_tokens import CallToken
from holdfast.gateway.http.errors import GatewayError, Unauthenticated
from holdfast.gateway.services import Services
from holdfast.records.api_keys import KEY_MARK
from holdfast.records.changes.feed import Stamp
from holdfast.records.credentials import Credential
from holdfast.records.identities import Identity
from holdfast.records.tokens import token_hash
from holdfast.registry.actors import Actor
from holdfast.world.capabilities import Capability

SESSION_COOKIE = "holdfast_session"
TENANT_HEADERS = ("x-alga-tenant", "x-tenant-id")
_CREDENTIAL_HEADERS = frozenset({b"authorization", b"x-api-key", CALL_TOKEN_HEADER.encode(), *(name.encode() for name in TENANT_HEADERS)})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_CREDENTIAL_LENGTH = 512
WITHHELD_FROM_EXTENSIONS = frozenset({"extension:write", "user:read", "user:write"})
"""Permissions that a user never lends to an extension: with them, it could grant itself rights, or make keys and users that outlive it."""


class Caller(Struct, frozen=True, kw_only=True):
    """An authenticated caller. `by` is `cookie` for a browser, which attaches it to any request, or `token` for a deliberate credential.

    `token_hash` identifies the credential, `stamp` is the state of the change feed that all this is from; None: not known.
    """

    credential: Credential
    by: Literal["cookie", "token"]
    token_hash: str
    stamp: Stamp | None

    @property
    def identity(self) -> Identity:
        return self.credential.identity

    @property
    def actor(self) -> Actor:
        """The caller as the registry records it in the audit log."""
        identity = self.credential.identity
        return Actor(tenant_id=identity.tenant_id, user_id=identity.user_id, email=identity.email)

    def may(self, permission: str) -> bool:
        """Whether the caller is an internal user whose roles (and key) grant `resource:action`."""
        return permission in self.credential.permissions


class _Sent(Struct):
    """The headers of a request that say who calls, each as it was sent."""

    authorization: str | None = None
    api_key: str | None = None
    tenants: list[tuple[str, str]] | None = None
    call_token: str | None = None


async def caller_of(services: Services, request: Request) -> Caller:
    """The caller of a request.

    The token of a running call takes precedence over everything else, another token over a cookie, and a wrong token is rejected even if
    the cookie is valid. Raises Unauthenticated, and GatewayError: `mixed_auth`, `origin_mismatch` (a browser's request from a page of
    another origin), `tenant_mismatch` (a header names another tenant), `forbidden` (an extension calls a route that it does not declare).
    """
    sent = _read_headers(request)
    token = _token_of(sent)
    if sent.call_token is not None:
        # It decides alone: the runner adds the install's own key for applications that do not know call tokens.
        caller = await _caller_by_call_token(services, request, sent.call_token)
    elif token is not None:
        caller = await _caller_by_token(services, token)
    else:
        caller = await _caller_by_cookie(services, request)
    _check_identity(caller.credential.identity)
    if sent.tenants is not None:
        _check_tenants(sent.tenants, caller.credential.identity.tenant_id)
    return caller


async def caller_again(services: Services, caller: Caller) -> Caller:
    """The same caller as of now. Raises Unauthenticated when the credential ended or was revoked meanwhile."""
    find = services.snapshots.api_key if caller.credential.identity.scopes is not None else services.snapshots.session
    found = await find(caller.token_hash)
    if found is None or not found.value.is_valid_at(services.now()):
        raise Unauthenticated("unauthenticated", "Your session or key was ended a moment ago.", hint="Log in again, or use another key.")
    _check_identity(found.value.identity)
    return Caller(credential=found.value, by=caller.by, token_hash=caller.token_hash, stamp=found.stamp)


def _read_headers(request: Request) -> _Sent:
    # One pass over the list, because each `get` of Starlette's headers is one.
    sent = _Sent()
    for name, value in request.scope["headers"]:
        if name not in _CREDENTIAL_HEADERS:
            continue
        text = value.decode("latin-1")
        if name == b"authorization":
            if sent.authorization is None:
                sent.authorization = text
        elif name == b"x-api-key":
            if sent.api_key is None:
                sent.api_key = text
        elif name == b"x-ext-call-token":
            sent.call_token = text
        else:
            sent.tenants = [*(sent.tenants or ()), (name.decode(), text)]
    return sent


def _token_of(sent: _Sent) -> str | None:
    bearer = None
    if sent.authorization is not None:
        scheme, _, bearer = sent.authorization.partition(" ")
        bearer = bearer.strip()
        if scheme.lower() != "bearer" or not bearer:
            raise Unauthenticated("unauthenticated", "The Authorization header does not have the form 'Bearer TOKEN'.")
    if bearer is not None and sent.api_key is not None and bearer != sent.api_key:
        raise GatewayError("mixed_auth", "The request carries two different credentials.", hint="Send either Authorization or x-api-key.")
    return bearer if bearer is not None else sent.api_key


async def _caller_by_token(services: Services, token: str) -> Caller:
    hashed = _hash_of(token)
    if hashed is not None:
        find = services.snapshots.api_key if token.startswith(KEY_MARK) else services.snapshots.session
        found = await find(hashed)
        if found is not None and found.value.is_valid_at(services.now()):
            return Caller(credential=found.value, by="token", token_hash=hashed, stamp=found.stamp)
    raise Unauthenticated(
        "unauthenticated",
        "The token is unknown, expired or revoked.",
        hint="Log in again in the console, or use the API key that `holdfast up` printed.",
    )


async def _caller_by_call_token(services: Services, request: Request, text: str) -> Caller:
    """The caller of a running call, for a request that its extension makes through ui-proxy, on routes that its manifest declares.

    Raises Unauthenticated, and GatewayError (`forbidden`) for any other route.
    """
    token = services.call_tokens.read(text, services.now())
    find = services.snapshots.api_key if token is not None and token.is_key else services.snapshots.session
    found = await find(token.credential_hash) if token is not None else None
    if token is None or found is None or not found.value.is_valid_at(services.now()) or found.value.identity.tenant_id != token.tenant_id:
        raise Unauthenticated(
            "unauthenticated", "The token of the call has ended, or its user was logged out.", hint="Make the call again."
        )
    await _check_route(services, request, token)
    credential = replace(found.value, permissions=found.value.permissions - WITHHELD_FROM_EXTENSIONS)
    return Caller(credential=credential, by="token", token_hash=token.credential_hash, stamp=found.stamp)


def _is_current(services: Services, credential: Credential, token: CallToken) -> bool:
    return credential.is_valid_at(services.now()) and credential.identity.tenant_id == token.tenant_id


async def _check_route(services: Services, request: Request, token: CallToken) -> None:
    install = await services.snapshots.install_by_id(token.install_id, token.tenant_id)
    segments = [segment for segment in request.scope["path"].split("/") if segment]
    if install is None or Capability.UI_PROXY not in install.context.providers:
        raise GatewayError("forbidden", "The extension may not call routes.", details={"rule": "ui_proxy"})
    if is_closed(segments) or not is_declared(install.context.ui_proxy_routes, request.method, segments):
        raise GatewayError(
            "forbidden",
            "The extension's manifest does not declare this route.",
            hint="Add it to uiProxy.routes in manifest.json, and install the extension again.",
            details={"rule": "ui_proxy"},
        )


async def _caller_by_cookie(services: Services, request: Request) -> Caller:
    token = request.cookies.get(SESSION_COOKIE)
    if not token:
        raise Unauthenticated(
            "unauthenticated", "You are not logged in.", hint="Log in, or send an API key as 'Authorization: Bearer KEY'."
        )
    hashed = _hash_of(token)
    found = await services.snapshots.session(hashed) if hashed is not None else None
    if found is None or hashed is None or not found.value.is_valid_at(services.now()):
        raise Unauthenticated("unauthenticated", "Your session has ended.", hint="Log in again.")
    _check_origin(request)
    return Caller(credential=found.value, by="cookie", token_hash=hashed, stamp=found.stamp)


def _hash_of(token: str) -> str | None:
    # A longer text cannot be a credential; do not hash it.
    return token_hash(token) if len(token) <= _MAX_CREDENTIAL_LENGTH else None


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


def _check_tenants(sent: list[tuple[str, str]], tenant_id: str) -> None:
    for name, value in sent:
        if value.strip().lower() != tenant_id.lower():
            raise GatewayError("tenant_mismatch", f"The header {name} names a tenant other than yours.", hint="Omit the header.")
