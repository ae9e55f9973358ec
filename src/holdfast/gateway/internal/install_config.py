"""`POST /api/internal/ext-runner/install-config`: the rights and configuration of an install, for runners that run it outside a call."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.install_config import InstallConfigRequest
from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.http.json_body import decode_json_with
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.services import Services
from holdfast.http.responses import encoded_response

_BODY_LIMIT = 16_384

_decoder: msgspec.json.Decoder[InstallConfigRequest] = msgspec.json.Decoder(InstallConfigRequest)


async def show_install_config(services: Services, request: Request) -> Response:
    body = decode_json_with(_decoder, await read_body(request, _BODY_LIMIT))
    found = await services.snapshots.install(body.tenant_id, body.extension_id, services.changes.stamp(body.tenant_id))
    if found is None:
        raise GatewayError("install_not_found", "The extension is not installed for this tenant, or is disabled.")
    return encoded_response(found.value.config_at(services.now()))
