"""`/api/v1/extensions/{extension}/grants`: what an install requests and what it is granted."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.registry_api import GrantsResult, to_result
from holdfast.gateway.api.path_parameters import extension_parameter
from holdfast.gateway.api.request_bodies import GrantsRequest, read_request
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response


async def show_grants(services: Services, request: Request, caller: Caller) -> Response:
    grants = await services.installs.read_grants(tenant_id=caller.actor.tenant_id, extension=extension_parameter(request))
    return json_response(to_result(grants, GrantsResult))


async def change_grants(services: Services, request: Request, caller: Caller) -> Response:
    """Grants (POST) or revokes (DELETE) what the body lists."""
    body = await read_request(request, GrantsRequest)
    change = services.installs.revoke if request.method == "DELETE" else services.installs.grant
    grants = await change(actor=caller.actor, extension=extension_parameter(request), capabilities=body.capabilities, egress=body.egress)
    return json_response(to_result(grants, GrantsResult))
