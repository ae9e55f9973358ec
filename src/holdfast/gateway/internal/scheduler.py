"""`POST /api/internal/ext-scheduler/install/{install id}`: the schedules of an install, for the runner on behalf of a call.

Errors are `{error, code, details}`, and of changes `{success: false, error, fieldErrors}`: that is what the runner reads.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.schedules import EndpointInfo, ScheduleInfo
from holdfast.errors import HoldfastError
from holdfast.gateway.http.errors import InvalidRequest, RateLimited
from holdfast.gateway.http.json_body import decode_json_with
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.internal.auth import InternalApiError, enabled_install
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.registry.installs.call_context import InstallContext
from holdfast.schedules.definitions.endpoints import ENDPOINT_MAX_LENGTH
from holdfast.schedules.errors import ScheduleError, ScheduleInvalid
from holdfast.world.capabilities import Capability

BODY_LIMIT = 512 * 1024

_Endpoint = Annotated[str, Meta(min_length=1, max_length=ENDPOINT_MAX_LENGTH)]


class ListSchedules(Struct, frozen=True, tag_field="operation", tag="list"):
    """All schedules."""


class GetSchedule(Struct, frozen=True, rename="camel", kw_only=True, tag_field="operation", tag="get"):
    """One schedule."""

    schedule_id: str


class CreateSchedule(Struct, frozen=True, rename="camel", kw_only=True, tag_field="operation", tag="create"):
    """A new schedule. Null is the same as an absent field."""

    endpoint: _Endpoint
    cron: str
    timezone: str | None = None
    enabled: bool | None = None
    name: str | None = None
    payload: Any = None


class UpdateSchedule(Struct, frozen=True, rename="camel", kw_only=True, tag_field="operation", tag="update"):
    """The fields to change. Null clears name and payload; for the others it is the same as an absent field."""

    schedule_id: str
    endpoint: _Endpoint | None = None
    cron: str | None = None
    timezone: str | None = None
    enabled: bool | None = None
    name: str | UnsetType | None = UNSET
    payload: Any | UnsetType = UNSET


class DeleteSchedule(Struct, frozen=True, rename="camel", kw_only=True, tag_field="operation", tag="delete"):
    """A schedule to delete."""

    schedule_id: str


class GetEndpoints(Struct, frozen=True, tag_field="operation", tag="getEndpoints"):
    """The endpoints of the installed version."""


SchedulerRequest = ListSchedules | GetSchedule | CreateSchedule | UpdateSchedule | DeleteSchedule | GetEndpoints
Change = CreateSchedule | UpdateSchedule | DeleteSchedule


class Schedules(Struct, frozen=True):
    schedules: list[ScheduleInfo]


class OneSchedule(Struct, frozen=True):
    schedule: ScheduleInfo | None


class Endpoints(Struct, frozen=True):
    endpoints: list[EndpointInfo]


class Changed(Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """The result of a change."""

    success: bool
    schedule_id: str | None = None
    error: str | None = None
    field_errors: dict[str, str] | None = None


_decoder: msgspec.json.Decoder[SchedulerRequest] = msgspec.json.Decoder(SchedulerRequest)


async def use_scheduler(services: Services, request: Request) -> Response:
    """One operation of a guest on the schedules of its install."""
    try:
        return await _run(services, request)
    except RateLimited as error:
        text = "Too many requests, please try again later"
        return json_response({"error": text, "code": "RATE_LIMITED", "details": None}, error.status)
    except ScheduleError as error:
        return json_response({"error": error.message, "code": "NOT_FOUND", "details": None}, error.status)
    except InvalidRequest as error:
        return json_response({"error": "Validation error", "code": "VALIDATION_FAILED", "details": error.details}, 400)
    except HoldfastError as error:
        return json_response({"error": error.message, "code": error.code, "details": error.details}, error.status)


async def _run(services: Services, request: Request) -> Response:
    if not services.tokens.opens_internal(request.headers.get("x-runner-auth")):
        raise InternalApiError("UNAUTHORIZED", "Invalid runner token")
    install = await enabled_install(services, request)
    # The runner has checked the capability too. The schedules are here, so the check is repeated here.
    if Capability.SCHEDULER_MANAGE not in install.providers:
        raise InternalApiError("NOT_ALLOWED", f"Permission denied: {Capability.SCHEDULER_MANAGE} not granted")
    operation = decode_json_with(_decoder, await read_body(request, BODY_LIMIT))
    if isinstance(operation, Change):
        services.schedule_changes.acquire(install.tenant_id, install.install_id)
        return await _change(services, install, operation)
    return json_response(await _read(services, install, operation))


async def _read(services: Services, install: InstallContext, operation: SchedulerRequest) -> Struct:
    schedules, key = services.schedules, (install.tenant_id, install.install_id)
    match operation:
        case GetSchedule():
            try:
                return OneSchedule(await schedules.get_schedule(*key, operation.schedule_id))
            except ScheduleError:
                return OneSchedule(None)
        case GetEndpoints():
            return Endpoints(await schedules.endpoints(*key))
        case _:
            return Schedules(await schedules.list_schedules(*key))


async def _change(services: Services, install: InstallContext, operation: Change) -> Response:
    try:
        schedule_id = await _changed(services, install, operation)
    except ScheduleInvalid as invalid:
        error = next(iter(invalid.field_errors.values()))
        return json_response(Changed(success=False, error=error, field_errors=invalid.field_errors), 400)
    return json_response(Changed(success=True, schedule_id=schedule_id), 201 if isinstance(operation, CreateSchedule) else 200)


async def _changed(services: Services, install: InstallContext, operation: Change) -> str | None:
    schedules, key = services.schedules, (install.tenant_id, install.install_id)
    match operation:
        case CreateSchedule():
            created = await schedules.create(
                *key,
                endpoint=operation.endpoint,
                cron=operation.cron,
                timezone=operation.timezone,
                enabled=operation.enabled is not False,
                name=operation.name,
                payload=operation.payload,
            )
            return created.id
        case UpdateSchedule():
            given = {name: getattr(operation, name) for name in ("endpoint", "cron", "timezone", "enabled")}
            fields = {name: value for name, value in given.items() if value is not None}
            clearable = {"name": operation.name, "payload": operation.payload}
            fields |= {name: value for name, value in clearable.items() if value is not UNSET}
            await schedules.update(*key, operation.schedule_id, **fields)
        case DeleteSchedule():
            await schedules.delete(*key, operation.schedule_id)
    return None
