"""Access checks of the internal APIs: only the runner calls them, with the service token, on behalf of an install."""

from __future__ import annotations

from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from holdfast.errors import CodedError
from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.services import Services
from holdfast.http.operations import Handler
from holdfast.records.database.uuids import as_uuid
from holdfast.registry.installs.call_context import InstallContext
from holdfast.registry.installs.owner import find_owner


class InternalApiError(CodedError):
    """Raised by the internal APIs, with the codes that the runner knows from the existing platform."""

    STATUSES: ClassVar = {
        # The service token is missing or wrong, or the install is disabled.
        "UNAUTHORIZED": 401,
        # The install does not exist.
        "NOT_FOUND": 404,
        # The install uses storage without `cap:storage.kv`.
        "NAMESPACE_DENIED": 403,
        # The install uses another host function without its capability, or the user of the call lacks the permission.
        "NOT_ALLOWED": 403,
        # A read of clients or services with a field that is out of range.
        "INVALID_INPUT": 400,
    }


def with_service_token(handler: Handler[Services]) -> Handler[Services]:
    """A handler that runs only for requests with the service token in x-runner-auth. Raises GatewayError (`unauthorized`) for others."""

    async def checked(services: Services, request: Request) -> Response:
        if not services.tokens.opens_internal(request.headers.get("x-runner-auth")):
            raise GatewayError("unauthorized", "The header x-runner-auth does not carry the service token.")
        return await handler(services, request)

    return checked


async def enabled_install(services: Services, request: Request) -> InstallContext:
    """The install that the path names. A header x-alga-tenant, when sent, must name its tenant.

    Raises InternalApiError: `NOT_FOUND`, or `UNAUTHORIZED` when the install is disabled.
    """
    install_id = as_uuid(request.path_params["install_id"])
    if install_id is None:
        raise InternalApiError("NOT_FOUND", "install not found")
    header = request.headers.get("x-alga-tenant")
    tenant_id = None if header is None else header.strip()
    found = await services.snapshots.install_by_id(install_id, tenant_id)
    if found is None:
        owner = await find_owner(services.db, install_id)
        if owner is None or tenant_id not in (None, owner.tenant_id):
            raise InternalApiError("NOT_FOUND", "install not found")
        if not owner.is_enabled:
            raise InternalApiError("UNAUTHORIZED", "extension install is disabled")
        found = await services.snapshots.install_by_id(install_id, owner.tenant_id)
        if found is None:
            raise InternalApiError("NOT_FOUND", "install not found")
    return found.context_at(services.now())
