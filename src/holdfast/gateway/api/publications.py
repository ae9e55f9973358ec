"""`/api/v1/publications`: what a published version asks for, to be looked at before it is installed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from holdfast.gateway.api.camel_case import camel
from holdfast.gateway.api.parameters import extension_in, reading, version_in
from holdfast.gateway.api.routing import resource
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.registry.publishing.requirements import read_publication

LATEST = "latest"


def routes(services: Services) -> list[BaseRoute]:
    """The route. It needs `extension:read`. The version `latest` is the newest that may be installed."""

    async def publication(request: Request) -> Response:
        await reading(services, request)
        version = version_in(request)
        wanted = None if version == LATEST else version
        return json_response(camel(await read_publication(services.db, extension=extension_in(request), version=wanted)))

    return [resource("/api/v1/publications/{extension}/{version}", get=publication)]
