"""`/api/v1/extensions/{extension}/grants`: what an install asks for and may do, granted and revoked one by one."""

from __future__ import annotations

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from holdfast.gateway.api.camel_case import camel
from holdfast.gateway.api.parameters import Egress, Names, extension_in, read_change, reading, writing
from holdfast.gateway.api.routing import resource
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.registry.installs.grants import grant, read_grants, revoke


class Rights(Struct, frozen=True, forbid_unknown_fields=True):
    """Capabilities (`cap:…`) and hosts, to be granted or revoked."""

    capabilities: Names = []
    egress: Egress = []


def routes(services: Services) -> list[BaseRoute]:
    """Reading needs `extension:read`, changing `extension:write`."""

    async def show(request: Request) -> Response:
        actor = await reading(services, request)
        return json_response(camel(await read_grants(services.db, tenant_id=actor.tenant_id, extension=extension_in(request))))

    async def change(request: Request) -> Response:
        actor = await writing(services, request)
        rights = await read_change(request, Rights)
        grants = await (revoke if request.method == "DELETE" else grant)(
            services.db,
            actor=actor,
            extension=extension_in(request),
            capabilities=rights.capabilities,
            egress=rights.egress,
            now=services.now,
        )
        return json_response(camel(grants))

    return [resource("/api/v1/extensions/{extension}/grants", get=show, post=change, delete=change)]
