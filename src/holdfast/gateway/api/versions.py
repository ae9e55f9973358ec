"""`/api/v1/extensions/{extension}/versions`: lists published versions, yanks and unyanks them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.registry_api import VersionResult, to_result
from holdfast.gateway.api.path_parameters import extension_parameter, version_parameter
from holdfast.gateway.api.request_bodies import YankRequest, read_request
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response


async def show_versions(services: Services, request: Request, caller: Caller) -> Response:
    versions = await services.publishing.list_versions(tenant_id=caller.actor.tenant_id, extension=extension_parameter(request))
    return json_response({"versions": to_result(versions, list[VersionResult])})


async def yank_version(services: Services, request: Request, caller: Caller) -> Response:
    """Only the tenant that owns the publisher's name may yank."""
    body = await read_request(request, YankRequest)
    version = version_parameter(request)
    extension = extension_parameter(request)
    await services.publishing.yank(actor=caller.actor, extension=extension, version=version, reason=body.reason)
    return json_response({"version": version, "yanked": True})


async def unyank_version(services: Services, request: Request, caller: Caller) -> Response:
    version = version_parameter(request)
    await services.publishing.unyank(actor=caller.actor, extension=extension_parameter(request), version=version)
    return json_response({"version": version, "yanked": False})
