"""`/api/v1/tenants` and `/api/v1/users`: the caller's tenant and its users. A caller acts within its own tenant only."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.registry_api import TenantResult, UserResult, to_result
from holdfast.gateway.api.request_bodies import ChangeUserRequest, CreateUserRequest, read_request
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.records.account_types import EVERYTHING, CreateUser, UserSummary
from holdfast.records.administration import (
    create_user,
    list_tenants,
    list_users,
    revoke_sessions,
    set_password,
    set_user_inactive,
)
from holdfast.records.errors import AccountError
from holdfast.records.identities import Identity
from holdfast.records.passwords import new_password
from holdfast.records.roles import is_admin

_log = structlog.get_logger(__name__)


async def show_tenants(services: Services, request: Request, caller: Caller) -> Response:
    tenants = await list_tenants(services.db, only=caller.identity.tenant_id)
    return json_response({"tenants": to_result(tenants, list[TenantResult])})


async def show_users(services: Services, request: Request, caller: Caller) -> Response:
    users = await list_users(services.db, tenant_id=caller.identity.tenant_id)
    return json_response({"users": to_result(users, list[UserResult])})


async def add_user(services: Services, request: Request, caller: Caller) -> Response:
    """Creates a user. The response has the password only if the server generated it."""
    identity = caller.identity
    body = await read_request(request, CreateUserRequest)
    # Without this, anyone with `user:write` could create an administrator and act as one.
    if body.is_admin and not await _is_full_admin(services, identity):
        raise GatewayError(
            "forbidden",
            "Only an administrator can create administrators, and only without a limited API key.",
            hint="Log in as an administrator, or omit isAdmin.",
        )
    user = CreateUser(
        email=body.email,
        user_type=body.user_type,
        first_name=body.first_name,
        last_name=body.last_name,
        client_name=body.client_name,
        is_admin=body.is_admin,
    )
    password = body.password if body.password is not None else new_password()
    created = await create_user(services.db, tenant_id=identity.tenant_id, user=user, password=password, now=services.now)
    _log.info("user_created", tenant=identity.tenant_id, by=identity.user_id, user=created.user_id)
    return json_response({"user": to_result(created, UserResult), **({"password": password} if body.password is None else {})}, 201)


async def change_user(services: Services, request: Request, caller: Caller) -> Response:
    identity = caller.identity
    body = await read_request(request, ChangeUserRequest)
    user = await _changeable_user(services, identity, request)
    if body.is_inactive and user.user_id == identity.user_id:
        raise GatewayError("forbidden", "You cannot deactivate your own account.", hint="Ask another administrator.")
    if body.password is not None:
        await set_password(services.db, tenant_id=identity.tenant_id, user=user.user_id, password=body.password)
    if body.is_inactive is not None:
        await set_user_inactive(services.db, tenant_id=identity.tenant_id, user=user.user_id, inactive=body.is_inactive)
    _log.info("user_changed", tenant=identity.tenant_id, by=identity.user_id, user=user.user_id)
    return json_response({"email": user.email})


async def end_sessions(services: Services, request: Request, caller: Caller) -> Response:
    """Logs a user out everywhere."""
    user = await _changeable_user(services, caller.identity, request)
    return json_response({"email": await revoke_sessions(services.db, tenant_id=caller.identity.tenant_id, user=user.user_id)})


async def _changeable_user(services: Services, identity: Identity, request: Request) -> UserSummary:
    """The user of the caller's tenant that the path names.

    Raises AccountError (`user_unknown`), and GatewayError (`forbidden`) if that user is an administrator and the caller is not.
    """
    wanted = request.path_params["user"].strip().lower()
    users = await list_users(services.db, tenant_id=identity.tenant_id)
    found = next((user for user in users if wanted in (user.user_id, user.email)), None)
    if found is None:
        raise AccountError("user_unknown", "No such user found.", hint="`holdfast users list` lists the users.")
    if found.is_admin and not await _is_full_admin(services, identity):
        raise GatewayError(
            "forbidden",
            "Only an administrator can change an administrator, and only without a limited API key.",
            hint="Log in as an administrator.",
        )
    return found


async def _is_full_admin(services: Services, identity: Identity) -> bool:
    """Whether the caller is an administrator whose API key, if any, is not limited to some scopes."""
    return (identity.scopes is None or EVERYTHING in identity.scopes) and await is_admin(services.db, identity)
