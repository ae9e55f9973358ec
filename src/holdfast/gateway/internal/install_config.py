"""`POST /api/internal/ext-runner/install-config`: what an install may do and with what, for whoever runs it outside a call."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, to_builtins
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.http.responses import encoded_answer, guarded
from holdfast.gateway.internal.auth import check_service_token, read_json
from holdfast.gateway.services import Services
from holdfast.gateway.services.install_config_cache import InstallConfigCache
from holdfast.registry.installs.call_context import install_context

_Text = Annotated[str, Meta(min_length=1, max_length=512)]


class ConfigRequest(Struct, frozen=True, rename="camel"):
    """`extension_id` is an install id, a registry id or a name."""

    tenant_id: _Text
    extension_id: _Text


def routes(services: Services) -> list[BaseRoute]:
    """The route of install configurations. Its answers are kept for half a second."""
    cache = InstallConfigCache(services.db)

    async def install_config(request: Request) -> Response:
        check_service_token(services, request)
        asked = await read_json(request, ConfigRequest, 16_384)
        return encoded_answer(await cache.answer((asked.tenant_id, asked.extension_id), lambda: _read(services, asked)))

    return [Route("/api/internal/ext-runner/install-config", guarded(install_config), methods=["POST"])]


async def _read(services: Services, asked: ConfigRequest) -> bytes:
    context = await install_context(services.db, asked.tenant_id, asked.extension_id)
    if context is None:
        raise GatewayError("install_not_found", "The extension is not installed for this tenant, or is switched off.")
    answer: dict[str, Any] = {
        "tenantId": context.tenant_id,
        "extensionSlug": context.slug,
        "installId": context.install_id,
        "versionId": context.version_id,
        "registryId": context.registry_id,
        "contentHash": context.content_hash,
        "config": context.config,
        "providers": context.providers,
        "egress": context.egress,
        "updatedAt": context.updated_at,
    }
    if context.config_version is not None:
        answer["configVersion"] = context.config_version
    if context.secrets_version is not None:
        answer["secretsVersion"] = context.secrets_version
    if context.secret_envelope is not None:
        answer["secretEnvelope"] = to_builtins(context.secret_envelope)
    return msgspec.json.encode(answer)
