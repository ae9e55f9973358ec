"""`/api/v1/extensions/{extension}/schedules` and `/api/extensions/{extension}/schedules`: the schedules of an install, and their runs."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.schedules import EndpointInfo, InstallSchedules, RunInfo, ScheduleInfo
from holdfast.gateway.api.path_parameters import extension_parameter, run_parameter, schedule_parameter
from holdfast.gateway.api.request_bodies import ChangeScheduleRequest, CreateScheduleRequest, read_request
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.schedules.definitions.history import CursorInvalid
from holdfast.schedules.errors import ScheduleInvalid

_CURSOR_MAX_LENGTH = _NAME_MAX_LENGTH = 512


class SchedulesByInstall(Struct, frozen=True):
    installs: list[InstallSchedules]


class Schedules(Struct, frozen=True):
    schedules: list[ScheduleInfo]


class OneSchedule(Struct, frozen=True):
    schedule: ScheduleInfo


class Endpoints(Struct, frozen=True):
    endpoints: list[EndpointInfo]


class OneRun(Struct, frozen=True):
    run: RunInfo


class DeletedSchedule(Struct, frozen=True):
    """The schedule that no longer exists."""

    id: str


async def show_all_schedules(services: Services, request: Request, caller: Caller) -> Response:
    extension = request.query_params.get("extension")
    if extension is not None and (not 1 <= len(extension) <= _NAME_MAX_LENGTH or "\x00" in extension):
        raise InvalidRequest("extension is not the id or name of an extension.")
    return json_response(SchedulesByInstall(await services.schedules.list_by_install(caller.actor.tenant_id, extension)))


async def show_schedules(services: Services, request: Request, caller: Caller) -> Response:
    return json_response(Schedules(await services.schedules.list_schedules(*await _install(services, request, caller))))


async def show_schedule(services: Services, request: Request, caller: Caller) -> Response:
    install = await _install(services, request, caller)
    return json_response(OneSchedule(await services.schedules.get_schedule(*install, schedule_parameter(request))))


async def show_endpoints(services: Services, request: Request, caller: Caller) -> Response:
    return json_response(Endpoints(await services.schedules.endpoints(*await _install(services, request, caller))))


async def add_schedule(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, CreateScheduleRequest)
    endpoint = body.endpoint if body.endpoint is not None else body.endpoint_id
    if endpoint is None:
        raise ScheduleInvalid({"endpoint": "Required: /path, METHOD /path or the id of an endpoint"})
    created = await services.schedules.create(
        *await _install(services, request, caller),
        actor=caller.actor,
        endpoint=endpoint,
        cron=body.cron,
        timezone=body.timezone,
        enabled=body.enabled,
        name=body.name,
        payload=body.payload,
    )
    return json_response(OneSchedule(created), 201)


async def change_schedule(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, ChangeScheduleRequest)
    given: dict[str, Any] = {
        name: value for name in ("cron", "timezone", "enabled", "name", "payload") if (value := getattr(body, name)) is not UNSET
    }
    endpoint = body.endpoint if body.endpoint is not UNSET else body.endpoint_id
    if endpoint is not UNSET:
        given["endpoint"] = endpoint
    install = await _install(services, request, caller)
    return json_response(OneSchedule(await services.schedules.update(*install, schedule_parameter(request), actor=caller.actor, **given)))


async def delete_schedule(services: Services, request: Request, caller: Caller) -> Response:
    schedule_id = schedule_parameter(request)
    await services.schedules.delete(*await _install(services, request, caller), schedule_id, actor=caller.actor)
    return json_response(DeletedSchedule(schedule_id))


async def run_schedule(services: Services, request: Request, caller: Caller) -> Response:
    install = await _install(services, request, caller)
    return json_response(OneRun(await services.schedules.run_now(*install, schedule_parameter(request), actor=caller.actor)), 202)


async def show_run(services: Services, request: Request, caller: Caller) -> Response:
    install = await _install(services, request, caller)
    return json_response(OneRun(await services.schedules.get_run(*install, run_parameter(request))))


async def show_runs(services: Services, request: Request, caller: Caller) -> Response:
    return await _history(services, request, caller, None)


async def show_runs_of_schedule(services: Services, request: Request, caller: Caller) -> Response:
    return await _history(services, request, caller, schedule_parameter(request))


async def _history(services: Services, request: Request, caller: Caller, schedule_id: str | None) -> Response:
    limit, cursor = request.query_params.get("limit"), request.query_params.get("cursor")
    if limit is not None and not (limit.isascii() and limit.isdigit() and 1 <= len(limit) <= 4 and int(limit) > 0):
        raise InvalidRequest("limit is not a number from 1 to 200.")
    if cursor is not None and len(cursor) > _CURSOR_MAX_LENGTH:
        raise CursorInvalid
    install = await _install(services, request, caller)
    try:
        page = await services.schedules.history(*install, schedule_id, limit=None if limit is None else int(limit), cursor=cursor)
    except ValueError:
        raise CursorInvalid from None
    return json_response(page)


async def _install(services: Services, request: Request, caller: Caller) -> tuple[str, str]:
    """The tenant and the install that a request is about."""
    tenant_id = caller.actor.tenant_id
    return tenant_id, await services.schedules.install_id_of(tenant_id, extension_parameter(request))
