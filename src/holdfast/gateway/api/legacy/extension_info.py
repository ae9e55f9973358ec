"""`/api/extensions/install-info` and `/api/extensions/{extension}/endpoints`: where an install is served, and what it can be called for."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.registry_api import to_result
from holdfast.gateway.api.path_parameters import extension_parameter
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.registry.installs.platform_info import list_endpoints, read_install_info

MAX_NAME_LENGTH = 512


class InstallInfoResult(Struct, frozen=True, kw_only=True):
    """Where an install is served. `runner_domain` is null without a domain, `content_hash` (`sha256:` and 64 digits) without a bundle."""

    install_id: str
    runner_domain: str | None
    runner_status: dict[str, Any]
    tenant_id: str
    content_hash: str | None
    version_id: str


class EndpointInfoResult(Struct, frozen=True, kw_only=True):
    """An endpoint. `schedulable`: a schedule may call it, because it is GET or POST and its path has no parameters."""

    id: str
    method: str
    path: str
    handler: str
    schedulable: bool


async def show_install_info(services: Services, request: Request, caller: Caller) -> Response:
    extension = request.query_params.get("registryId", "")
    if not 1 <= len(extension) <= MAX_NAME_LENGTH or "\x00" in extension:
        raise InvalidRequest("The query needs registryId: the id or name of an extension.")
    info = await read_install_info(services.db, tenant_id=caller.actor.tenant_id, extension=extension)
    return json_response(to_result(info, InstallInfoResult))


async def show_endpoints(services: Services, request: Request, caller: Caller) -> Response:
    endpoints = await list_endpoints(services.db, tenant_id=caller.actor.tenant_id, extension=extension_parameter(request))
    return json_response({"endpoints": to_result(endpoints, list[EndpointInfoResult])})
