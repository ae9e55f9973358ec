"""What the internal APIs have in common: only the runner may call them, and they read JSON."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from sqlalchemy import select
from starlette.requests import Request

from holdfast.errors import HoldfastError
from holdfast.gateway.http.errors import GatewayError, InvalidRequest
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.services import Services
from holdfast.records.database.columns import as_uuid
from holdfast.registry.models.installs import TenantExtensionInstall

T = TypeVar("T")


class InstallUnauthorized(HoldfastError):
    """Raised when an internal API is called for an install that is switched off, or without the service token."""

    code = "UNAUTHORIZED"
    status = 401


class InstallMissing(HoldfastError):
    """Raised when an internal API is called for an install that does not exist."""

    code = "NOT_FOUND"
    status = 404


def check_service_token(services: Services, request: Request) -> None:
    """Raises ServiceUnauthorized unless the header x-runner-auth carries the service token."""
    if not services.tokens.opens_internal(request.headers.get("x-runner-auth")):
        raise GatewayError("unauthorized", "The header x-runner-auth does not carry the service token.")


async def read_json(request: Request, shape: type[T], limit: int) -> T:
    """The body as `shape`. Raises InvalidRequest when it is not of that shape, PayloadTooLarge above `limit` bytes."""
    return decode_json(await read_body(request, limit), shape)


def decode_json(body: bytes, shape: type[T]) -> T:
    """The JSON as `shape`. Raises InvalidRequest."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest("The body is not of the required form.", details={"issue": str(error)[:300]}) from error


async def enabled_install(services: Services, request: Request) -> TenantExtensionInstall:
    """The install that the path names. A header x-alga-tenant, when sent, must name its tenant.

    Raises InstallMissing, and InstallUnauthorized when it is switched off.
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
        raise InstallMissing("install not found")
    if not install.is_enabled or install.status != "enabled":
        raise InstallUnauthorized("extension install is disabled")
    return install
