"""`POST /api/internal/ext-runner/install-config`: the rights and configuration of an install, for runners that run it outside a call."""

from __future__ import annotations

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.install_config import InstallConfig, InstallConfigRequest
from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.http.json_body import read_json
from holdfast.gateway.services import Services
from holdfast.http.responses import encoded_response
from holdfast.registry.installs.call_context import install_context

_BODY_LIMIT = 16_384


async def show_install_config(services: Services, request: Request) -> Response:
    body = await read_json(request, InstallConfigRequest, _BODY_LIMIT)
    key = (body.tenant_id, body.extension_id)
    return encoded_response(await services.install_configs.get_or_read(key, lambda: _read(services, body)))


async def _read(services: Services, body: InstallConfigRequest) -> bytes:
    context = await install_context(services.db, body.tenant_id, body.extension_id)
    if context is None:
        raise GatewayError("install_not_found", "The extension is not installed for this tenant, or is disabled.")
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
