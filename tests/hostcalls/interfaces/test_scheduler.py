"""The interface `scheduler`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast.hostcalls import HttpBackend
from holdfast.world import types as t
from holdfast.world.types import SchedulerError
from tests.events.recording_server import RecordingServer, free_port
from tests.hostcalls.calling import INSTALL, Caller

SCHEDULE = {
    "id": "s-1",
    "endpointPath": "/sync",
    "endpointMethod": "POST",
    "name": None,
    "cron": "0 * * * *",
    "timezone": "UTC",
    "enabled": True,
    "payload": {"a": 1},
    "lastRunAt": None,
    "lastRunStatus": "success",
    "lastError": None,
    "createdAt": "2030-01-01T00:00:00Z",
}
INFO = t.ScheduleInfo("s-1", "/sync", "POST", None, "0 * * * *", "UTC", True, '{"a":1}', None, "success", None, "2030-01-01T00:00:00Z")
CHANGES: dict[str, tuple[object, ...]] = {
    "scheduler.create-schedule": (t.CreateScheduleInput("/sync", "0 * * * *", None, None, None, None),),
    "scheduler.update-schedule": ("s-1", t.UpdateScheduleInput(None, None, None, None, None, None)),
    "scheduler.delete-schedule": ("s-1",),
}
READS: dict[str, tuple[object, ...]] = {
    "scheduler.list-schedules": (),
    "scheduler.get-schedule": ("s-1",),
    "scheduler.get-endpoints": (),
}


@pytest.fixture
def caller(backend: HttpBackend) -> Caller:
    return Caller(backend=backend)


async def test_schedules_are_read_in_camel_case_and_in_snake_case(application: RecordingServer, caller: Caller) -> None:
    snake = {"endpoint_path": "/sync", "endpoint_method": "POST", "last_run_status": "success", "created_at": "2030-01-01T00:00:00Z"}
    camel = ("endpointPath", "endpointMethod", "lastRunStatus", "createdAt")
    application.reply({"schedules": [SCHEDULE, {key: value for key, value in SCHEDULE.items() if key not in camel} | snake]})
    assert await caller.call("scheduler.list-schedules") == [INFO, INFO]
    assert application.requests[0].path == f"/api/internal/ext-scheduler/install/{INSTALL}"
    assert application.requests[0].json == {"operation": "list"}


async def test_a_malformed_schedule_is_left_out_and_reported(application: RecordingServer, caller: Caller) -> None:
    application.reply({"schedules": [{"id": 1}, SCHEDULE]})
    assert await caller.call("scheduler.list-schedules") == [INFO]
    assert any("lacks a schedule" in message for message in caller.sink.messages)


@pytest.mark.parametrize(("schedule", "expected"), [(SCHEDULE, INFO), (None, None), ({"id": 1}, None)])
async def test_one_schedule_is_returned_or_none(application: RecordingServer, caller: Caller, schedule: Any, expected: Any) -> None:
    application.reply({"schedule": schedule})
    assert await caller.call("scheduler.get-schedule", "s-1") == expected
    assert application.requests[0].json == {"operation": "get", "scheduleId": "s-1"}


async def test_endpoints_are_read(application: RecordingServer, caller: Caller) -> None:
    endpoint = {"id": "e", "method": "GET", "path": "/p", "handler": "h", "schedulable": True}
    application.reply({"endpoints": [endpoint, {"id": 2}]})
    assert await caller.call("scheduler.get-endpoints") == [t.EndpointInfo("e", "GET", "/p", "h", True)]
    assert application.requests[0].json == {"operation": "getEndpoints"}


@pytest.mark.parametrize(
    ("status", "case"),
    [
        (400, SchedulerError.VALIDATION_FAILED),
        (401, SchedulerError.DENIED),
        (403, SchedulerError.DENIED),
        (404, SchedulerError.NOT_FOUND),
        (429, SchedulerError.QUOTA_EXCEEDED),
        (500, SchedulerError.INTERNAL),
    ],
)
@pytest.mark.parametrize("function_id", list(READS))
async def test_each_status_becomes_its_error_case(
    application: RecordingServer, caller: Caller, function_id: str, status: int, case: SchedulerError
) -> None:
    application.reply({"error": "no"}, status)
    assert await caller.error_case(function_id, *READS[function_id]) is case


@pytest.mark.parametrize("function_id", list(READS))
@pytest.mark.parametrize("body", [[], None, "text"])
async def test_a_malformed_response_is_internal(application: RecordingServer, caller: Caller, function_id: str, body: Any) -> None:
    application.reply(body)
    assert await caller.error_case(function_id, *READS[function_id]) is SchedulerError.INTERNAL


async def test_a_schedule_is_created_with_the_given_fields_only(application: RecordingServer, caller: Caller) -> None:
    application.reply({"success": True, "scheduleId": "s-9"}, 201)
    given = t.CreateScheduleInput("/sync", "0 * * * *", "UTC", False, "nightly", '{"n": 12345678901234567890123, "x": null}')
    assert await caller.call("scheduler.create-schedule", given) == t.CreateScheduleResult(True, "s-9", None, None)
    await caller.call("scheduler.create-schedule", CHANGES["scheduler.create-schedule"][0])
    first, second = application.requests
    assert first.json == {
        "operation": "create",
        "endpoint": "/sync",
        "cron": "0 * * * *",
        "timezone": "UTC",
        "enabled": False,
        "name": "nightly",
        "payload": {"n": 12345678901234567890123, "x": None},
    }
    assert second.json == {"operation": "create", "endpoint": "/sync", "cron": "0 * * * *"}


async def test_an_update_sends_only_what_changes(application: RecordingServer, caller: Caller) -> None:
    application.reply({"success": True})
    result = await caller.call("scheduler.update-schedule", "s-1", t.UpdateScheduleInput(None, "5 * * * *", None, True, None, None))
    assert result == t.UpdateScheduleResult(True, None, None)
    assert application.requests[0].json == {"operation": "update", "scheduleId": "s-1", "cron": "5 * * * *", "enabled": True}


async def test_an_empty_payload_text_clears_the_payload(application: RecordingServer, caller: Caller) -> None:
    application.reply({"success": True})
    await caller.call("scheduler.update-schedule", "s-1", t.UpdateScheduleInput(None, None, None, None, None, ""))
    assert application.requests[0].json == {"operation": "update", "scheduleId": "s-1", "payload": None}


@pytest.mark.parametrize("payload", ["{", "NaN", "{'a':1}", "[" * 100_000])
async def test_a_payload_that_is_not_json_is_rejected_without_a_request(application: RecordingServer, caller: Caller, payload: str) -> None:
    text = "Payload must be valid JSON object or array"
    created = await caller.call("scheduler.create-schedule", t.CreateScheduleInput("/e", "c", None, None, None, payload))
    updated = await caller.call("scheduler.update-schedule", "s", t.UpdateScheduleInput(None, None, None, None, None, payload))
    assert (created.success, created.error, json.loads(created.field_errors)) == (False, text, {"payload": text})
    assert (updated.success, updated.error, json.loads(updated.field_errors)) == (False, text, {"payload": text})
    assert application.requests == []


async def test_an_empty_payload_is_rejected_for_a_new_schedule(application: RecordingServer, caller: Caller) -> None:
    created = await caller.call("scheduler.create-schedule", t.CreateScheduleInput("/e", "c", None, None, None, ""))
    assert not created.success


async def test_a_schedule_is_deleted(application: RecordingServer, caller: Caller) -> None:
    application.reply({"success": True})
    assert await caller.call("scheduler.delete-schedule", "s-1") == t.DeleteScheduleResult(True, None)
    assert application.requests[0].json == {"operation": "delete", "scheduleId": "s-1"}


@pytest.mark.parametrize("status", [200, 400, 409])
async def test_the_applications_message_and_field_errors_reach_the_guest(application: RecordingServer, caller: Caller, status: int) -> None:
    application.reply({"success": False, "error": "Too frequent", "fieldErrors": {"cron": "Minimum is 5 minutes"}}, status)
    created = await caller.call("scheduler.create-schedule", *CHANGES["scheduler.create-schedule"])
    updated = await caller.call("scheduler.update-schedule", *CHANGES["scheduler.update-schedule"])
    deleted = await caller.call("scheduler.delete-schedule", "s-1")
    assert created == t.CreateScheduleResult(False, None, "Too frequent", '{"cron":"Minimum is 5 minutes"}')
    assert updated == t.UpdateScheduleResult(False, "Too frequent", '{"cron":"Minimum is 5 minutes"}')
    assert deleted == t.DeleteScheduleResult(False, "Too frequent")


@pytest.mark.parametrize(("status", "case"), [(403, "denied"), (404, "not-found"), (429, "quota-exceeded"), (500, "internal")])
@pytest.mark.parametrize("function_id", list(CHANGES))
async def test_an_error_without_message_is_reported_by_its_case(
    application: RecordingServer, caller: Caller, function_id: str, status: int, case: str
) -> None:
    application.reply(None, status)
    result = await caller.call(function_id, *CHANGES[function_id])
    assert not result.success
    assert result.error.startswith(f"{case}: ")


async def test_field_errors_of_null_are_none(application: RecordingServer, caller: Caller) -> None:
    application.reply({"success": False, "error": "no", "fieldErrors": None})
    assert (await caller.call("scheduler.create-schedule", *CHANGES["scheduler.create-schedule"])).field_errors is None


@pytest.mark.parametrize("function_id", list(CHANGES))
async def test_a_change_without_an_install_fails_with_the_reason(
    application: RecordingServer, backend: HttpBackend, function_id: str
) -> None:
    result = await Caller(backend=backend, install_id=None).call(function_id, *CHANGES[function_id])
    assert (result.success, result.error) == (False, "Install ID missing")
    assert application.requests == []


@pytest.mark.parametrize("function_id", list(READS))
async def test_reading_without_an_install_is_denied(backend: HttpBackend, function_id: str) -> None:
    assert await Caller(backend=backend, install_id=None).error_case(function_id, *READS[function_id]) is SchedulerError.DENIED


async def test_an_unavailable_application_fails_a_change_and_is_internal_for_a_read() -> None:
    backend = HttpBackend(f"http://127.0.0.1:{free_port()}", "t")
    caller = Caller(backend=backend)
    result = await caller.call("scheduler.delete-schedule", "s-1")
    assert (result.success, result.error) == (False, "internal: transport failure (NotSent)")
    assert await caller.error_case("scheduler.list-schedules") is SchedulerError.INTERNAL
    await backend.close()
