"""`/api/installs/*`: what the runner looks up before it serves UI files. Disabled installs do not exist here."""

from __future__ import annotations

import re

from sqlalchemy import Select, select
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.install_lookup import InstallAddress, InstallValidation
from holdfast.gateway.http.errors import GatewayError, InvalidRequest
from holdfast.gateway.services import Services
from holdfast.http.operations import Handler
from holdfast.http.responses import json_response
from holdfast.records.database.uuids import as_uuid
from holdfast.registry.models.installs import ExtensionBundle, TenantExtensionInstall
from holdfast.registry.models.queries import active_bundle

_HASH = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")


def with_lookup_key(handler: Handler[Services]) -> Handler[Services]:
    """A handler that runs only for requests with x-api-key or x-runner-auth. Raises GatewayError (`unauthorized`) for others."""

    async def checked(services: Services, request: Request) -> Response:
        if not services.tokens.opens_lookups(request.headers.get("x-api-key"), request.headers.get("x-runner-auth")):
            raise GatewayError("unauthorized", "The install lookups need the header x-api-key or x-runner-auth.")
        return await handler(services, request)

    return checked


async def validate(services: Services, request: Request) -> Response:
    """Whether an enabled install has this bundle. Without `tenant`, the response also names the tenant."""
    extension, tenant = request.query_params.get("extension", ""), request.query_params.get("tenant", "").strip()
    content_hash = _HASH.fullmatch(request.query_params.get("hash", ""))
    if content_hash is None:
        raise InvalidRequest("hash must be 64 hexadecimal digits, with or without the prefix sha256:.")
    found = await _tenant_with(services, extension, f"sha256:{content_hash[1].lower()}", tenant or None)
    if tenant:
        return json_response(InstallValidation(found is not None))
    return json_response(InstallValidation(found is not None, found))


async def lookup_by_host(services: Services, request: Request) -> Response:
    """Which bundle belongs to a host name."""
    host = request.query_params.get("host", "").split(":", 1)[0].strip().lower()
    if not host:
        raise GatewayError("missing_host", "host is missing")
    async with services.db.session() as session:
        install = await session.scalar(_enabled().where(TenantExtensionInstall.runner_domain == host))
        bundle = await active_bundle(session, install.version_id) if install else None
    if install is None or bundle is None:
        raise GatewayError("not_found", "No extension is installed under this host.")
    return json_response(InstallAddress(install.tenant_id, install.registry_id, bundle.content_hash))


def _enabled() -> Select[TenantExtensionInstall]:
    return select(TenantExtensionInstall).where(TenantExtensionInstall.is_enabled.is_(True), TenantExtensionInstall.status == "enabled")


async def _tenant_with(services: Services, extension: str, content_hash: str, tenant_id: str | None) -> str | None:
    """The tenant (`tenant_id`, or any) that has the extension (a registry id) enabled at a version with this bundle."""
    registry_id = as_uuid(extension.strip())
    if registry_id is None:
        return None
    query = (
        _enabled()
        .join(ExtensionBundle, ExtensionBundle.version_id == TenantExtensionInstall.version_id)
        .where(TenantExtensionInstall.registry_id == registry_id, ExtensionBundle.content_hash == content_hash)
        .order_by(TenantExtensionInstall.tenant_id)
        .limit(1)
    )
    if tenant_id is not None:
        query = query.where(TenantExtensionInstall.tenant_id == tenant_id)
    async with services.db.session() as session:
        install = await session.scalar(query)
    return install.tenant_id if install else None
