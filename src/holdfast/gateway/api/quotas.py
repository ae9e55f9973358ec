"""`/api/v1/quotas`: what the tenant's installs have used today, and what they may use, with limits of their own."""

from __future__ import annotations

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.registry_api import InstallQuotasResult, to_result
from holdfast.gateway.api.path_parameters import extension_parameter
from holdfast.gateway.api.request_bodies import SetQuotasRequest, read_request
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.registry.quotas.kinds import ALL
from holdfast.registry.quotas.overrides import set_quotas
from holdfast.registry.quotas.report import read_quotas


async def show_quotas(services: Services, request: Request, caller: Caller) -> Response:
    return await _show(services, caller, None)


async def show_quotas_of_install(services: Services, request: Request, caller: Caller) -> Response:
    return await _show(services, caller, extension_parameter(request))


async def set_quotas_of_install(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, SetQuotasRequest)
    extension = extension_parameter(request)
    changes = {quota: limit for quota in ALL if (limit := getattr(body, quota)) is not UNSET}
    await set_quotas(services.db, actor=caller.actor, extension=extension, changes=changes, highest=services.quota_limits, now=services.now)
    return await _show(services, caller, extension)


async def _show(services: Services, caller: Caller, extension: str | None) -> Response:
    # Includes the calls of this process that no timer has written yet.
    await services.quotas.flush()
    found = await read_quotas(services.db, services.quota_limits, tenant_id=caller.actor.tenant_id, extension=extension, now=services.now())
    return json_response({"quotas": to_result(found, list[InstallQuotasResult])})
