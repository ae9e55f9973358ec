"""`/api/v1/extensions`: lists and shows the tenant's installs; installs, upgrades, rolls back, enables, disables and uninstalls."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.registry_api import (
    InstallDetailsResult,
    InstalledResult,
    InstallSummaryResult,
    UninstalledResult,
    UpgradedResult,
    to_result,
)
from holdfast.gateway.api.path_parameters import extension_parameter
from holdfast.gateway.api.request_bodies import InstallRequest, RollbackRequest, UpgradeRequest, read_request
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response


async def show_installs(services: Services, request: Request, caller: Caller) -> Response:
    installs = await services.installs.list(tenant_id=caller.actor.tenant_id)
    return json_response({"extensions": to_result(installs, list[InstallSummaryResult])})


async def show_install(services: Services, request: Request, caller: Caller) -> Response:
    details = await services.installs.details(tenant_id=caller.actor.tenant_id, extension=extension_parameter(request))
    return json_response(to_result(details, InstallDetailsResult))


async def install(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, InstallRequest)
    installed = await services.installs.install(
        actor=caller.actor,
        extension=body.extension,
        version=body.version,
        capabilities=body.capabilities,
        egress=body.egress,
    )
    location = f"/api/v1/extensions/{quote(installed.registry_id, safe='')}"
    return json_response(to_result(installed, InstalledResult), 201, {"location": location})


async def upgrade(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, UpgradeRequest)
    upgraded = await services.installs.upgrade(
        actor=caller.actor,
        extension=extension_parameter(request),
        version=body.version,
        consent=body.consent,
        disable_missing_schedules=body.disable_missing_schedules,
    )
    return json_response(to_result(upgraded, UpgradedResult))


async def rollback(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, RollbackRequest)
    rolled_back = await services.installs.rollback(
        actor=caller.actor,
        extension=extension_parameter(request),
        disable_missing_schedules=body.disable_missing_schedules,
    )
    return json_response(to_result(rolled_back, UpgradedResult))


async def remove_install(services: Services, request: Request, caller: Caller) -> Response:
    removed = await services.installs.uninstall(
        actor=caller.actor,
        extension=extension_parameter(request),
    )
    return json_response(to_result(removed, UninstalledResult))


async def enable(services: Services, request: Request, caller: Caller) -> Response:
    return await _switch(services, request, caller, enabled=True)


async def disable(services: Services, request: Request, caller: Caller) -> Response:
    return await _switch(services, request, caller, enabled=False)


async def _switch(services: Services, request: Request, caller: Caller, *, enabled: bool) -> Response:
    await services.installs.set_enabled(actor=caller.actor, extension=extension_parameter(request), enabled=enabled)
    return json_response({"enabled": enabled})
