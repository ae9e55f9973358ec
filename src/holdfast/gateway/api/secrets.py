"""`/api/v1/extensions/{extension}/secrets`: lists the names of an install's secrets, sets and removes them. No response has a value."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.registry_api import SecretsResult, to_result
from holdfast.gateway.api.path_parameters import extension_parameter, secret_name_parameter
from holdfast.gateway.api.request_bodies import SetSecretsRequest, read_request
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response


async def show_secrets(services: Services, request: Request, caller: Caller) -> Response:
    summary = await services.secrets.list(tenant_id=caller.actor.tenant_id, extension=extension_parameter(request))
    return json_response(to_result(summary, SecretsResult))


async def put_secrets(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, SetSecretsRequest)
    extension = extension_parameter(request)
    summary = await services.secrets.set(actor=caller.actor, extension=extension, values=body.values, expires_at=body.expires_at)
    return json_response(to_result(summary, SecretsResult))


async def delete_secret(services: Services, request: Request, caller: Caller) -> Response:
    extension, key = extension_parameter(request), secret_name_parameter(request)
    return json_response(to_result(await services.secrets.remove(actor=caller.actor, extension=extension, key=key), SecretsResult))


async def delete_all_secrets(services: Services, request: Request, caller: Caller) -> Response:
    extension = extension_parameter(request)
    return json_response(to_result(await services.secrets.clear(actor=caller.actor, extension=extension), SecretsResult))
