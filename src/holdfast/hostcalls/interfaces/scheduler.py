"""The interface `scheduler`: the install's recurring calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from holdfast.hostcalls.application.backend import BackendUnavailable, Reply, Service
from holdfast.hostcalls.application.response import MalformedResponse, ResponseObject, json_text, malformed_as
from holdfast.hostcalls.call.errors import HostCallError
from holdfast.hostcalls.interfaces.session import Session
from holdfast.world import types as t
from holdfast.world.types import SchedulerError

BAD_PAYLOAD = "Payload must be valid JSON object or array"
NO_INSTALL = "Install ID missing"

_CASES = {
    400: SchedulerError.VALIDATION_FAILED,
    401: SchedulerError.DENIED,
    403: SchedulerError.DENIED,
    404: SchedulerError.NOT_FOUND,
    429: SchedulerError.QUOTA_EXCEEDED,
}


class _Failure(Exception):
    """Raised when a change fails; the guest receives both texts in its result."""

    def __init__(self, error: str, field_errors: str | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.field_errors = field_errors


async def _request(session: Session, body: Mapping[str, Any]) -> ResponseObject:
    """Sends a read operation. Raises HostCallError for every response but a 2xx object."""
    install_id = session.call.usable_install_id
    if install_id is None:
        raise HostCallError(SchedulerError.DENIED, "the call names no install")
    try:
        reply = await session.backend.post(Service.SCHEDULER, install_id, body)
    except BackendUnavailable as error:
        raise HostCallError(SchedulerError.INTERNAL, str(error)) from error
    if not reply.ok:
        raise HostCallError(_CASES.get(reply.status, SchedulerError.INTERNAL), reply.error_text)
    with malformed_as(SchedulerError.INTERNAL):
        return ResponseObject(reply.body)


async def _change(session: Session, body: Mapping[str, Any]) -> ResponseObject:
    """Sends a change. Raises _Failure, with the application's own message and field errors if it sent them."""
    install_id = session.call.usable_install_id
    if install_id is None:
        raise _Failure(NO_INSTALL)
    try:
        reply = await session.backend.post(Service.SCHEDULER, install_id, body)
    except BackendUnavailable as error:
        raise _Failure(f"{SchedulerError.INTERNAL.value}: {error}") from error
    try:
        response = ResponseObject(reply.body)
        if reply.ok and response.flag("success", True):
            return response
        raise _Failure(response.optional_text("error") or _describe(reply), response.field_errors())
    except MalformedResponse:
        raise _Failure(_describe(reply)) from None


def _describe(reply: Reply) -> str:
    case = _CASES.get(reply.status, SchedulerError.INTERNAL)
    return f"{case.value}: {reply.error_text}"


def _with_payload(body: dict[str, Any], payload: str) -> None:
    """Puts JSON text into the body unchanged. Raises _Failure for text that is not JSON."""
    try:
        msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise _Failure(BAD_PAYLOAD, json_text({"payload": BAD_PAYLOAD})) from None
    body["payload"] = msgspec.Raw(payload.encode("utf-8"))


def _schedule(value: object) -> t.ScheduleInfo:
    response = ResponseObject(value)
    payload = response.value("payload")
    return t.ScheduleInfo(
        response.text("id"),
        response.text("endpointPath"),
        response.text("endpointMethod"),
        response.optional_text("name"),
        response.text("cron"),
        response.text("timezone"),
        response.flag("enabled", False),
        None if payload is None else json_text(payload),
        response.optional_text("lastRunAt"),
        response.optional_text("lastRunStatus"),
        response.optional_text("lastError"),
        response.optional_text("createdAt"),
    )


async def list_schedules(session: Session) -> list[t.ScheduleInfo]:
    """All schedules of the install. Leaves out and reports malformed ones."""
    response = await _request(session, {"operation": "list"})
    schedules: list[t.ScheduleInfo] = []
    with malformed_as(SchedulerError.INTERNAL):
        for item in response.items("schedules"):
            try:
                schedules.append(_schedule(item))
            except MalformedResponse as error:
                session.events.host("warn", f"The list lacks a schedule that is malformed: {error}.")
    return schedules


async def get_schedule(session: Session, schedule_id: str) -> t.ScheduleInfo | None:
    """One schedule, or None if it does not exist or is malformed."""
    response = await _request(session, {"operation": "get", "scheduleId": schedule_id})
    schedule = response.value("schedule")
    if schedule is None:
        return None
    try:
        return _schedule(schedule)
    except MalformedResponse as error:
        session.events.host("warn", f"The schedule is malformed: {error}.")
        return None


async def create_schedule(session: Session, params: t.CreateScheduleInput) -> t.CreateScheduleResult:
    """Creates a schedule. A failed result has the application's message and, as JSON text, its errors by field."""
    body: dict[str, Any] = {"operation": "create", "endpoint": params.endpoint, "cron": params.cron}
    body |= {name: value for name, value in _options(params).items() if value is not None}
    try:
        if params.payload is not None:
            _with_payload(body, params.payload)
        response = await _change(session, body)
        return t.CreateScheduleResult(True, response.optional_text("scheduleId"), None, None)
    except _Failure as failure:
        return t.CreateScheduleResult(False, None, failure.error, failure.field_errors)
    except MalformedResponse as error:
        return t.CreateScheduleResult(False, None, f"{SchedulerError.INTERNAL.value}: {error}", None)


async def update_schedule(session: Session, schedule_id: str, params: t.UpdateScheduleInput) -> t.UpdateScheduleResult:
    """Changes the fields that are not None. An empty payload clears the payload."""
    body: dict[str, Any] = {"operation": "update", "scheduleId": schedule_id}
    fields = {"endpoint": params.endpoint, "cron": params.cron, **_options(params)}
    body |= {name: value for name, value in fields.items() if value is not None}
    try:
        if params.payload == "":
            body["payload"] = None
        elif params.payload is not None:
            _with_payload(body, params.payload)
        await _change(session, body)
        return t.UpdateScheduleResult(True, None, None)
    except _Failure as failure:
        return t.UpdateScheduleResult(False, failure.error, failure.field_errors)


def _options(params: t.CreateScheduleInput | t.UpdateScheduleInput) -> dict[str, Any]:
    return {"timezone": params.timezone, "enabled": params.enabled, "name": params.name}


async def delete_schedule(session: Session, schedule_id: str) -> t.DeleteScheduleResult:
    """Deletes a schedule."""
    try:
        await _change(session, {"operation": "delete", "scheduleId": schedule_id})
        return t.DeleteScheduleResult(True, None)
    except _Failure as failure:
        return t.DeleteScheduleResult(False, failure.error)


async def get_endpoints(session: Session) -> list[t.EndpointInfo]:
    """The endpoints of the installed version. Leaves out and reports malformed ones."""
    response = await _request(session, {"operation": "getEndpoints"})
    endpoints: list[t.EndpointInfo] = []
    with malformed_as(SchedulerError.INTERNAL):
        for item in response.items("endpoints"):
            try:
                endpoint = ResponseObject(item)
                endpoints.append(
                    t.EndpointInfo(
                        endpoint.text("id"),
                        endpoint.text("method"),
                        endpoint.text("path"),
                        endpoint.text("handler"),
                        endpoint.flag("schedulable", False),
                    )
                )
            except MalformedResponse as error:
                session.events.host("warn", f"The list lacks an endpoint that is malformed: {error}.")
    return endpoints
