"""The two kinds of operations of the REST API: those that read and those that change something."""

from __future__ import annotations

from holdfast.gateway.auth.permissions import CALLER_CREDENTIALS, CallerHandler, with_permission
from holdfast.gateway.http.error_formats import STANDARD_ERRORS
from holdfast.gateway.services import Services
from holdfast.http.operations import Body, Operation, Parameter, Result, Schema

READ, WRITE = "extension:read", "extension:write"
READ_USERS, WRITE_USERS = "user:read", "user:write"

EXTENSIONS_PATH = "/api/v1/extensions"
EXTENSION_PATH = "/api/v1/extensions/{extension}"
# Errors of operations on one extension: it is not there, or its name is ambiguous.
OF_EXTENSION = (404, 409)
# Errors of operations that use the bundle store too.
WITH_STORE = (404, 409, 502, 503)
WITH_SEALER = (404, 409, 503)


def read_operation(
    path: str,
    handler: CallerHandler,
    summary: str,
    schema: Schema,
    *parameters: Parameter,
    permission: str = READ,
    errors: tuple[int, ...] = (),
) -> Operation[Services]:
    return Operation(
        method="GET",
        path=path,
        handler=with_permission(permission, handler),
        errors=STANDARD_ERRORS,
        summary=summary,
        security=CALLER_CREDENTIALS,
        permission=permission,
        parameters=parameters,
        results={200: Result("The current state.", schema)},
        error_statuses=(400, 401, 403, *errors),
    )


def change_operation(
    method: str,
    path: str,
    handler: CallerHandler,
    summary: str,
    schema: Schema,
    *parameters: Parameter,
    body: Body | None = None,
    permission: str = WRITE,
    status: int = 200,
    errors: tuple[int, ...] = (),
) -> Operation[Services]:
    of_body = () if body is None else (408, 413)
    return Operation(
        method=method,
        path=path,
        handler=with_permission(permission, handler),
        errors=STANDARD_ERRORS,
        summary=summary,
        security=CALLER_CREDENTIALS,
        permission=permission,
        parameters=parameters,
        body=body,
        results={status: Result("The change is made.", schema)},
        error_statuses=(400, 401, 403, *of_body, *errors),
    )
