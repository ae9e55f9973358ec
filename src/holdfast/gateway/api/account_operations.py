"""The table of the operations on users and API keys."""

from __future__ import annotations

from holdfast.contract import registry_api as r
from holdfast.gateway.api import api_keys, users
from holdfast.gateway.api import request_bodies as bodies
from holdfast.gateway.api.operation_kinds import READ_USERS, WRITE_USERS, change_operation, read_operation
from holdfast.gateway.api.schemas import AFFECTED_USER, API_KEY_ID, USER, list_of, object_with
from holdfast.gateway.services import Services
from holdfast.http.operations import Body, Operation

_USERS = (
    read_operation(
        "/api/v1/tenants", users.show_tenants, "Show the caller's tenant.", list_of("tenants", r.TenantResult), permission=READ_USERS
    ),
    read_operation(
        "/api/v1/users", users.show_users, "List the users of the tenant.", list_of("users", r.UserResult), permission=READ_USERS
    ),
    change_operation(
        "POST",
        "/api/v1/users",
        users.add_user,
        "Create a user.",
        object_with("user", r.UserResult, shown_once="password"),
        body=Body(bodies.CreateUserRequest),
        permission=WRITE_USERS,
        status=201,
        errors=(404, 409),
    ),
    change_operation(
        "PATCH",
        "/api/v1/users/{user}",
        users.change_user,
        "Deactivate or reactivate a user, or set another password.",
        AFFECTED_USER,
        USER,
        body=Body(bodies.ChangeUserRequest),
        permission=WRITE_USERS,
        errors=(404,),
    ),
    change_operation(
        "DELETE",
        "/api/v1/users/{user}/sessions",
        users.end_sessions,
        "End all sessions of a user.",
        AFFECTED_USER,
        USER,
        permission=WRITE_USERS,
        errors=(404,),
    ),
)

_API_KEYS = (
    read_operation(
        "/api/v1/api-keys",
        api_keys.show_api_keys,
        "List the API keys of the tenant.",
        list_of("apiKeys", r.ApiKeyResult),
        permission=READ_USERS,
    ),
    change_operation(
        "POST",
        "/api/v1/api-keys",
        api_keys.add_api_key,
        "Create an API key.",
        object_with("apiKey", r.ApiKeyResult, shown_once="key"),
        body=Body(bodies.CreateApiKeyRequest),
        permission=WRITE_USERS,
        status=201,
        errors=(404,),
    ),
    change_operation(
        "DELETE",
        "/api/v1/api-keys/{key_id}",
        api_keys.delete_api_key,
        "Revoke an API key.",
        object_with("apiKey", r.ApiKeyResult),
        API_KEY_ID,
        permission=WRITE_USERS,
        errors=(404,),
    ),
)

OPERATIONS: tuple[Operation[Services], ...] = (*_USERS, *_API_KEYS)
