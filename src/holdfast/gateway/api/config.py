"""`/api/v1/extensions/{extension}/config`: the settings of an install. Every response has all settings, as `config`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdfast.gateway.api.path_parameters import extension_parameter
from holdfast.gateway.api.request_bodies import PatchConfigRequest, ReplaceConfigRequest, read_request
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response


async def show_config(services: Services, request: Request, caller: Caller) -> Response:
    config = await services.installs.read_config(tenant_id=caller.actor.tenant_id, extension=extension_parameter(request))
    return json_response({"config": config})


async def replace_all_config(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, ReplaceConfigRequest)
    extension = extension_parameter(request)
    await services.installs.replace_config(actor=caller.actor, extension=extension, values=body.config)
    return json_response({"config": await services.installs.read_config(tenant_id=caller.actor.tenant_id, extension=extension)})


async def change_config(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, PatchConfigRequest)
    config = await services.installs.patch_config(
        actor=caller.actor, extension=extension_parameter(request), values=body.set, unset=body.unset
    )
    return json_response({"config": config})
