"""Access checks of the internal APIs: only the runner calls them, with the service token, on behalf of an install."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from holdfast.errors import CodedError
from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.services import Services
from holdfast.http.operations import Handler
from holdfast.records.database.uuids import as_uuid
from holdfast.registry.models.installs import TenantExtensionInstall


class InternalApiError(CodedError):
    """Raised by the internal API of extension storage, with the codes that the runner knows from the existing platform."""

    STATUSES: ClassVar = {
        # The service token is missing or wrong, or the install is disabled.
        "UNAUTHORIZED": 401,
        # The install does not exist.
        "NOT_FOUND": 404,
        # The install uses storage without `cap:storage.kv`.
        "NAMESPACE_DENIED": 403,
    }


def with_service_token(handler: Handler[Services]) -> Handler[Services]:
    """A handler that runs only for requests with the service token in x-runner-auth. Raises GatewayError (`unauthorized`) for others."""

    async def checked(services: Services, request: Request) -> Response:
        if not services.tokens.opens_internal(request.headers.get("x-runner-auth")):
            raise GatewayError("unauthorized", "The header x-runner-auth does not carry the service token.")
        return await handler(services, request)

    return checked


async def enabled_install(services: Services, request: Request) -> TenantExtensionInstall:
    """The install that the path names. A header x-alga-tenant, when sent, must name its tenant.

    Raises InternalApiError: `NOT_FOUND`, or `UNAUTHORIZED` when the install is disabled.
    """
    install_id = as_uuid(request.path_params["install_id"])
    install = None
    if install_id is not None:
        query = select(TenantExtensionInstall).where(TenantExtensionInstall.id == install_id)
        if (tenant := request.headers.get("x-alga-tenant")) is not None:
            query = query.where(TenantExtensionInstall.tenant_id == tenant.strip())
        async with services.db.session() as session:
            install = await session.scalar(query)
    if install is None:
        raise InternalApiError("NOT_FOUND", "install not found")
    if not install.is_enabled or install.status != "enabled":
        raise InternalApiError("UNAUTHORIZED", "extension install is disabled")
    return install
