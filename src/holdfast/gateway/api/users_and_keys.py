"""`/api/v1/tenants`, `/api/v1/users` and `/api/v1/api-keys`: the caller's tenant, its people, the keys with which programs act as them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import structlog
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from holdfast.gateway.api.camel_case import camel
from holdfast.gateway.api.parameters import read_change
from holdfast.gateway.api.routing import resource
from holdfast.gateway.auth.authentication import caller_of, require_permission
from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.records.administration import (
    NewUser,
    UserSummary,
    UserUnknown,
    create_user,
    list_tenants,
    list_users,
    new_password,
    revoke_sessions,
    set_password,
    set_user_inactive,
)
from holdfast.records.database.columns import as_uuid
from holdfast.records.identities import Identity
from holdfast.records.key_administration import (
    EVERYTHING,
    ApiKeyUnknown,
    issue_api_key,
    list_api_keys,
    revoke_api_key,
)
from holdfast.records.roles import is_admin

_log = structlog.get_logger(__name__)

Text = Annotated[str, Meta(max_length=255)]


class UserToMake(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A user to make. `client_name` is the client of a client user. Without `password` one is made up and answered, once."""

    email: Text
    user_type: Literal["internal", "client"] = "internal"
    first_name: Text | None = None
    last_name: Text | None = None
    client_name: Text | None = None
    is_admin: bool = False
    password: Annotated[str, Meta(max_length=1_024)] | None = None

    def __repr__(self) -> str:
        return f"UserToMake({self.email!r})"


class UserChange(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What becomes of a user: shut out or let in again, given another password."""

    is_inactive: bool | None = None
    password: Annotated[str, Meta(max_length=1_024)] | None = None

    def __repr__(self) -> str:
        return "UserChange(…)"


class ApiKeyToMake(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """An API key to make. It acts as the caller, within `scopes`: `resource:action`, or `*` for all that the caller may."""

    scopes: Annotated[list[Text], Meta(max_length=50)]
    description: Text | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


def routes(services: Services) -> list[BaseRoute]:
    """Reading needs `user:read`, changing `user:write`. A key or session acts within its own tenant only."""

    async def tenants(request: Request) -> Response:
        identity = await _permitted(services, request, "user:read")
        return json_response({"tenants": camel(await list_tenants(services.db, only=identity.tenant_id))})

    async def users(request: Request) -> Response:
        identity = await _permitted(services, request, "user:read")
        return json_response({"users": camel(await list_users(services.db, tenant_id=identity.tenant_id))})

    async def add_user(request: Request) -> Response:
        identity = await _permitted(services, request, "user:write")
        asked = await read_change(request, UserToMake)
        if asked.is_admin and not await _may_all(services, identity):
            raise GatewayError(
                "forbidden",
                "Only an administrator makes administrators, and not with a limited API key.",
                hint="Sign in, or leave isAdmin out.",
            )
        user = NewUser(
            email=asked.email,
            user_type=asked.user_type,
            first_name=asked.first_name,
            last_name=asked.last_name,
            client_name=asked.client_name,
            is_admin=asked.is_admin,
        )
        password = asked.password if asked.password is not None else new_password()
        made = await create_user(services.db, tenant_id=identity.tenant_id, user=user, password=password, now=services.now)
        _log.info("a user was made", tenant=identity.tenant_id, by=identity.user_id, user=made.user_id)
        return json_response({"user": camel(made), **({"password": password} if asked.password is None else {})}, 201)

    async def change_user(request: Request) -> Response:
        identity = await _permitted(services, request, "user:write")
        asked = await read_change(request, UserChange)
        user = await _whom(services, identity, request)
        if asked.is_inactive and user.user_id == identity.user_id:
            raise GatewayError("forbidden", "Nobody shuts themselves out.", hint="Another administrator can.")
        if asked.password is not None:
            await set_password(services.db, tenant_id=identity.tenant_id, user=user.user_id, password=asked.password)
        if asked.is_inactive is not None:
            await set_user_inactive(services.db, tenant_id=identity.tenant_id, user=user.user_id, inactive=asked.is_inactive)
        _log.info("a user was changed", tenant=identity.tenant_id, by=identity.user_id, user=user.user_id)
        return json_response({"email": user.email})

    async def sign_out(request: Request) -> Response:
        identity = await _permitted(services, request, "user:write")
        user = await _whom(services, identity, request)
        return json_response({"email": await revoke_sessions(services.db, tenant_id=identity.tenant_id, user=user.user_id)})

    async def keys(request: Request) -> Response:
        identity = await _permitted(services, request, "user:read")
        return json_response({"apiKeys": camel(await list_api_keys(services.db, tenant_id=identity.tenant_id))})

    async def add_key(request: Request) -> Response:
        identity = await _permitted(services, request, "user:write")
        asked = await read_change(request, ApiKeyToMake)
        made, key = await issue_api_key(
            services.db,
            tenant_id=identity.tenant_id,
            user=identity.user_id,
            description=asked.description,
            scopes=asked.scopes,
            within=identity.scopes,
            expires_at=asked.expires_at,
            until=identity.expires_at,
            now=services.now,
        )
        _log.info("an API key was made", tenant=identity.tenant_id, by=identity.user_id, key=made.api_key_id)
        return json_response({"apiKey": camel(made), "key": key}, 201)

    async def revoke_key(request: Request) -> Response:
        identity = await _permitted(services, request, "user:write")
        key_id = as_uuid(request.path_params["key_id"])
        if key_id is None:
            raise ApiKeyUnknown("There is no such API key here.", hint="GET /api/v1/api-keys lists the keys with their ids.")
        revoked = await revoke_api_key(services.db, tenant_id=identity.tenant_id, key=key_id)
        _log.info("an API key was revoked", tenant=identity.tenant_id, by=identity.user_id, key=key_id)
        return json_response({"apiKey": camel(revoked)})

    return [
        resource("/api/v1/tenants", get=tenants),
        resource("/api/v1/users", get=users, post=add_user),
        resource("/api/v1/users/{user}", patch=change_user),
        resource("/api/v1/users/{user}/sessions", delete=sign_out),
        resource("/api/v1/api-keys", get=keys, post=add_key),
        resource("/api/v1/api-keys/{key_id}", delete=revoke_key),
    ]


async def _permitted(services: Services, request: Request, permission: str) -> Identity:
    caller = await caller_of(services, request)
    await require_permission(services, caller, permission)
    return caller.identity


async def _whom(services: Services, identity: Identity, request: Request) -> UserSummary:
    """The user of the caller's tenant that the path names. Raises UserUnknown; Forbidden for an administrator and one who is none."""
    named = request.path_params["user"].strip().lower()
    people = await list_users(services.db, tenant_id=identity.tenant_id)
    found = next((one for one in people if named in (one.user_id, one.email)), None)
    if found is None:
        raise UserUnknown("There is no such user here.", hint="`holdfast users list` shows who there is.")
    if found.is_admin and not await _may_all(services, identity):
        raise GatewayError(
            "forbidden", "Only an administrator changes an administrator, and not with a limited API key.", hint="Sign in as one."
        )
    return found


async def _may_all(services: Services, identity: Identity) -> bool:
    return (identity.scopes is None or EVERYTHING in identity.scopes) and await is_admin(services.db, identity)
