"""The interface `scheduler`: the install's recurring calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from holdfast.hostcalls.answers import Answer, Malformed, json_text, reading
from holdfast.hostcalls.backend import BackendUnavailable, Reply, Service
from holdfast.hostcalls.session import Refused, Session
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
    """A change that was not made: what the guest is told."""

    def __init__(self, error: str, field_errors: str | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.field_errors = field_errors


async def _ask(session: Session, body: Mapping[str, Any]) -> Answer:
    """A reading operation. Raises the error case for every answer but a 2xx object."""
    install_id = session.call.usable_install_id
    if install_id is None:
        raise Refused(SchedulerError.DENIED, "the call names no install")
    try:
        reply = await session.backend.post(Service.SCHEDULER, install_id, body)
    except BackendUnavailable as error:
        raise Refused(SchedulerError.INTERNAL, str(error)) from error
    if not reply.ok:
        raise Refused(_CASES.get(reply.status, SchedulerError.INTERNAL), reply.problem)
    with reading(SchedulerError.INTERNAL):
        return Answer(reply.body)


async def _change(session: Session, body: Mapping[str, Any]) -> Answer:
    """A changing operation. Raises _Failure, with the application's own words and field errors where it gave them."""
    install_id = session.call.usable_install_id
    if install_id is None:
        raise _Failure(NO_INSTALL)
    try:
        reply = await session.backend.post(Service.SCHEDULER, install_id, body)
    except BackendUnavailable as error:
        raise _Failure(f"{SchedulerError.INTERNAL.value}: {error}") from error
    try:
        answer = Answer(reply.body)
        if reply.ok and answer.flag("success", True):
            return answer
        raise _Failure(answer.optional_text("error") or _in_words(reply), answer.field_errors())
    except Malformed:
        raise _Failure(_in_words(reply)) from None


def _in_words(reply: Reply) -> str:
    case = _CASES.get(reply.status, SchedulerError.INTERNAL)
    return f"{case.value}: {reply.problem}"


def _with_payload(body: dict[str, Any], payload: str) -> None:
    """Puts JSON text into the body as it is. Raises _Failure for what is no JSON."""
    try:
        msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise _Failure(BAD_PAYLOAD, json_text({"payload": BAD_PAYLOAD})) from None
    body["payload"] = msgspec.Raw(payload.encode("utf-8"))


def _schedule(value: object) -> t.ScheduleInfo:
    answer = Answer(value)
    payload = answer.value("payload")
    return t.ScheduleInfo(
        answer.text("id"),
        answer.text("endpointPath"),
        answer.text("endpointMethod"),
        answer.optional_text("name"),
        answer.text("cron"),
        answer.text("timezone"),
        answer.flag("enabled", False),
        None if payload is None else json_text(payload),
        answer.optional_text("lastRunAt"),
        answer.optional_text("lastRunStatus"),
        answer.optional_text("lastError"),
        answer.optional_text("createdAt"),
    )


async def list_schedules(session: Session) -> list[t.ScheduleInfo]:
    """All schedules of the install. One that cannot be read is left out and reported."""
    answer = await _ask(session, {"operation": "list"})
    schedules: list[t.ScheduleInfo] = []
    with reading(SchedulerError.INTERNAL):
        for item in answer.items("schedules"):
            try:
                schedules.append(_schedule(item))
            except Malformed as error:
                session.report.host("warn", f"A schedule was left out of the list, since it cannot be read: {error}.")
    return schedules


async def get_schedule(session: Session, schedule_id: str) -> t.ScheduleInfo | None:
    """One schedule, or None when there is none or it cannot be read."""
    answer = await _ask(session, {"operation": "get", "scheduleId": schedule_id})
    schedule = answer.value("schedule")
    if schedule is None:
        return None
    try:
        return _schedule(schedule)
    except Malformed as error:
        session.report.host("warn", f"The schedule cannot be read: {error}.")
        return None


async def create_schedule(session: Session, given: t.CreateScheduleInput) -> t.CreateScheduleResult:
    """Creates a schedule. Refusals come with the application's message and, as JSON text, its errors by field."""
    body: dict[str, Any] = {"operation": "create", "endpoint": given.endpoint, "cron": given.cron}
    body |= {name: value for name, value in _options(given).items() if value is not None}
    try:
        if given.payload is not None:
            _with_payload(body, given.payload)
        answer = await _change(session, body)
        return t.CreateScheduleResult(True, answer.optional_text("scheduleId"), None, None)
    except _Failure as failure:
        return t.CreateScheduleResult(False, None, failure.error, failure.field_errors)
    except Malformed as error:
        return t.CreateScheduleResult(False, None, f"{SchedulerError.INTERNAL.value}: {error}", None)


async def update_schedule(session: Session, schedule_id: str, given: t.UpdateScheduleInput) -> t.UpdateScheduleResult:
    """Changes what is given and leaves the rest. An empty payload text clears the payload."""
    body: dict[str, Any] = {"operation": "update", "scheduleId": schedule_id}
    fields = {"endpoint": given.endpoint, "cron": given.cron, **_options(given)}
    body |= {name: value for name, value in fields.items() if value is not None}
    try:
        if given.payload == "":
            body["payload"] = None
        elif given.payload is not None:
            _with_payload(body, given.payload)
        await _change(session, body)
        return t.UpdateScheduleResult(True, None, None)
    except _Failure as failure:
        return t.UpdateScheduleResult(False, failure.error, failure.field_errors)


def _options(given: t.CreateScheduleInput | t.UpdateScheduleInput) -> dict[str, Any]:
    return {"timezone": given.timezone, "enabled": given.enabled, "name": given.name}


async def delete_schedule(session: Session, schedule_id: str) -> t.DeleteScheduleResult:
    """Removes a schedule."""
    try:
        await _change(session, {"operation": "delete", "scheduleId": schedule_id})
        return t.DeleteScheduleResult(True, None)
    except _Failure as failure:
        return t.DeleteScheduleResult(False, failure.error)


async def get_endpoints(session: Session) -> list[t.EndpointInfo]:
    """The endpoints of the installed version. One that cannot be read is left out and reported."""
    answer = await _ask(session, {"operation": "getEndpoints"})
    endpoints: list[t.EndpointInfo] = []
    with reading(SchedulerError.INTERNAL):
        for item in answer.items("endpoints"):
            try:
                endpoint = Answer(item)
                endpoints.append(
                    t.EndpointInfo(
                        endpoint.text("id"),
                        endpoint.text("method"),
                        endpoint.text("path"),
                        endpoint.text("handler"),
                        endpoint.flag("schedulable", False),
                    )
                )
            except Malformed as error:
                session.report.host("warn", f"An endpoint was left out of the list, since it cannot be read: {error}.")
    return endpoints
