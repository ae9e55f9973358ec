"""`POST /api/internal/ext-runner/install-config`: what an install may do and with what, for whoever runs it outside a call."""

from __future__ import annotations

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from holdfast.contract.install_config import InstallConfig, InstallConfigRequest
from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.http.responses import respond_to_errors
from holdfast.gateway.internal.auth import check_service_token, read_json
from holdfast.gateway.services import Services
from holdfast.gateway.services.install_config_cache import InstallConfigCache
from holdfast.http.responses import encoded_response
from holdfast.registry.installs.call_context import install_context


def routes(services: Services) -> list[BaseRoute]:
    """The route of install configurations. Its answers are kept for half a second."""
    cache = InstallConfigCache(services.db)

    async def install_config(request: Request) -> Response:
        check_service_token(services, request)
        asked = await read_json(request, InstallConfigRequest, 16_384)
        return encoded_response(await cache.answer((asked.tenant_id, asked.extension_id), lambda: _read(services, asked)))

    return [Route("/api/internal/ext-runner/install-config", respond_to_errors(install_config), methods=["POST"])]


async def _read(services: Services, asked: InstallConfigRequest) -> bytes:
    context = await install_context(services.db, asked.tenant_id, asked.extension_id)
    if context is None:
        raise GatewayError("install_not_found", "The extension is not installed for this tenant, or is switched off.")
    return msgspec.json.encode(
        InstallConfig(
            tenant_id=context.tenant_id,
            extension_slug=context.slug,
            install_id=context.install_id,
            version_id=context.version_id,
            registry_id=context.registry_id,
            content_hash=context.content_hash,
            config=context.config,
            providers=context.providers,
            egress=context.egress,
            updated_at=context.updated_at,
            config_version=UNSET if context.config_version is None else context.config_version,
            secrets_version=UNSET if context.secrets_version is None else context.secrets_version,
            secret_envelope=UNSET if context.secret_envelope is None else context.secret_envelope,
        )
    )
