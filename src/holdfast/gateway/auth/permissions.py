"""Permissions of callers: the check, and handlers that run only after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from holdfast.gateway.auth.authentication import Caller, caller_of
from holdfast.gateway.auth.refusals import forbidden
from holdfast.gateway.services import Services
from holdfast.http.operations import Handler

CALLER_CREDENTIALS = ("apiKey", "bearer", "session")
"""The security schemes of the OpenAPI document that a caller may use."""

CallerHandler = Callable[[Services, Request, Caller], Awaitable[Response]]
"""A handler that knows who called."""


def require_permission(caller: Caller, permission: str) -> None:
    """Raises GatewayError (`forbidden`) unless the caller is an internal user whose roles (and key) grant `resource:action`."""
    if caller.may(permission):
        return
    scopes = caller.credential.identity.scopes
    if scopes is not None and not scopes & {"*", permission}:
        raise forbidden(
            "key_scope",
            f"You need the permission {permission}, which the scopes of your API key do not include.",
            hint=f"Use a key with the scope {permission}.",
            permission=permission,
        )
    raise forbidden(
        "permission",
        f"You need the permission {permission}.",
        hint="Ask an administrator of your tenant for it.",
        permission=permission,
    )


def with_permission(permission: str, handler: CallerHandler) -> Handler[Services]:
    """A handler that authenticates the caller, checks the permission, and only then runs `handler`. Raises what both checks raise."""

    async def checked(services: Services, request: Request) -> Response:
        caller = await caller_of(services, request)
        require_permission(caller, permission)
        return await handler(services, request, caller)

    return checked
