"""`/api/v1/publications`: what a published version requests, so that a person can review it before installing."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.registry_api import PublicationResult, to_result
from holdfast.gateway.api.path_parameters import extension_parameter, version_parameter
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response

LATEST = "latest"


async def show_publication(services: Services, request: Request, caller: Caller) -> Response:
    """The version `latest` is the newest that can be installed."""
    version = version_parameter(request)
    wanted = None if version == LATEST else version
    publication = await services.publishing.read_publication(
        tenant_id=caller.actor.tenant_id, extension=extension_parameter(request), version=wanted
    )
    return json_response(to_result(publication, PublicationResult))
