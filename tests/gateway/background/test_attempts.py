"""Calls that schedules make through the gateway: each attempt is executed once, whatever happens to who asked for it."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import update
from starlette.responses import JSONResponse, Response

from holdfast.records.database.uuids import new_id
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import set_enabled
from holdfast.registry.models.call_attempts import CallAttempt
from tests.events.recording_server import Recorded
from tests.gateway.platform import INTERNAL_TOKEN, SERVICE_TOKEN, Platform
from tests.records.databases import OTHER_TENANT, TENANT
from tests.waiting import until

SCHEDULE = "44444444-4444-4444-8444-444444444444"


def body_of(platform: Platform, **more: Any) -> dict[str, Any]:
    return {
        **{"tenantId": TENANT, "installId": platform.installed.install_id, "number": 1, "method": "POST", "path": "/notes"},
        **{"trigger": "schedule", "scheduleId": SCHEDULE, "bodyB64": base64.b64encode(b'{"a":1}').decode()},
        **more,
    }


async def ask(platform: Platform, call_id: str, token: str = INTERNAL_TOKEN, **more: Any) -> httpx2.Response:
    url = f"/api/internal/ext-background/calls/{call_id}"
    return await platform.http.post(url, json=body_of(platform, **more), headers={"x-runner-auth": token})


async def result_of(platform: Platform, call_id: str | None = None, **more: Any) -> dict[str, Any]:
    response = await ask(platform, call_id or new_id(), **more)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()
    return {name: value for name, value in result.items() if value not in (None, 0, False)}


async def test_the_extension_is_called_without_a_user_and_with_the_trigger(platform: Platform) -> None:
    call_id = new_id()
    assert await result_of(platform, call_id) == {"status": "success", "httpStatus": 200}
    (sent,) = platform.runner.requests
    assert sent.json["user"] is None
    assert (sent.json["context"]["trigger"], sent.json["context"]["schedule_id"]) == ("schedule", SCHEDULE)
    assert (sent.json["http"]["method"], sent.json["http"]["path"]) == ("POST", "/notes")
    assert base64.b64decode(sent.json["http"]["body_b64"]) == b'{"a":1}'
    headers = sent.json["http"]["headers"]
    assert (headers["x-idempotency-key"], headers["x-alga-tenant"], headers["content-type"]) == (call_id, TENANT, "application/json")
    (row,) = await platform.log()
    assert row.metrics is not None
    assert (row.status, row.metrics["principal_kind"], row.metrics["http_status"]) == ("ok", "schedule", 200)


async def test_all_attempts_have_one_key_for_the_extension_and_each_its_own_for_the_runner(platform: Platform) -> None:
    call_id = new_id()
    platform.respond_with(b"", 500)
    failed = await result_of(platform, call_id)
    assert failed == {
        **{"status": "error", "code": "extension_status", "error": "Runner returned status 500"},
        **{"httpStatus": 500, "retryable": True},
    }
    platform.respond_with(b"")
    assert (await result_of(platform, call_id, number=2))["status"] == "success"
    first, second = platform.runner.requests
    assert first.json["http"]["headers"]["x-idempotency-key"] == second.json["http"]["headers"]["x-idempotency-key"] == call_id
    assert first.header("x-idempotency-key") != second.header("x-idempotency-key")


async def test_the_result_of_an_attempt_is_recorded_and_not_executed_again(platform: Platform) -> None:
    call_id = new_id()
    first = await result_of(platform, call_id)
    platform.respond_with(b"", 500)
    assert await result_of(platform, call_id) == first
    assert len(platform.runner.requests) == 1


async def test_an_attempt_goes_on_when_its_caller_is_killed_and_is_joined(platform: Platform) -> None:
    call_id = new_id()
    released = asyncio.Event()

    async def wait(_: Recorded) -> Response:
        await released.wait()
        return JSONResponse({"status": 200, "headers": {}, "body_b64": None, "error": None})

    platform.runner.answer = wait
    caller = asyncio.create_task(ask(platform, call_id))
    await until(lambda: platform.runner.requests)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    again = asyncio.create_task(ask(platform, call_id))
    released.set()
    assert (await again).json()["status"] == "success"
    assert len(platform.runner.requests) == 1


async def test_an_attempt_of_a_gateway_that_was_killed_is_executed_again_and_counted(platform: Platform) -> None:
    call_id = new_id()
    values = {"tenant_id": TENANT, "install_id": platform.installed.install_id, "cause": "schedule", "request_id": "r", "status": "started"}
    async with platform.db.transaction() as session:
        started = platform.services.now() - timedelta(hours=1)
        session.add(CallAttempt(call_id=call_id, number=1, started_at=started, repeats=0, retryable=False, **values))
    assert await result_of(platform, call_id) == {"status": "success", "httpStatus": 200, "repeats": 1}
    assert len(platform.runner.requests) == 1


async def test_an_attempt_that_another_gateway_executes_is_waited_for(platform: Platform) -> None:
    call_id = new_id()
    values = {"tenant_id": TENANT, "install_id": platform.installed.install_id, "cause": "schedule", "request_id": "r", "status": "started"}
    async with platform.db.transaction() as session:
        session.add(CallAttempt(call_id=call_id, number=1, started_at=platform.services.now(), repeats=0, retryable=False, **values))
    waiting = asyncio.create_task(result_of(platform, call_id))
    await until(lambda: (call_id, 1) in platform.services.background._running)
    async with platform.db.transaction() as session:
        finished = {"status": "error", "code": "timeout", "retryable": True, "finished_at": platform.services.now()}
        await session.execute(update(CallAttempt).where(CallAttempt.call_id == call_id).values(finished))
    assert await waiting == {"status": "error", "code": "timeout", "retryable": True}
    assert platform.runner.requests == []


@pytest.mark.parametrize(
    ("status", "retryable"), [(400, False), (404, False), (409, False), (408, True), (429, True), (500, True), (503, True)]
)
async def test_whether_a_status_is_worth_another_attempt(platform: Platform, status: int, retryable: bool) -> None:
    platform.respond_with(b"", status)
    assert (await result_of(platform)).get("retryable", False) is retryable


async def test_a_failure_of_the_runner_is_retried_and_a_response_that_is_too_large_is_not(platform: Platform) -> None:
    platform.fail("trap")
    failed = await result_of(platform)
    assert (failed["code"], failed["error"], failed["retryable"]) == ("trap", "it broke", True)
    platform.respond_with(b"x" * (256 * 1024 + 1))
    large = await result_of(platform)
    assert (large["code"], large.get("retryable")) == ("response_too_large", None)
    assert large["error"] == "Runner response too large (262145 bytes)"
    assert [row.status for row in await platform.log()] == ["error", "error"]


async def test_what_is_not_there_is_skipped_or_an_error(platform: Platform) -> None:
    gone = await result_of(platform, method="GET", path="/elsewhere")
    assert (gone["status"], gone["code"]) == ("error", "endpoint_missing")
    other = await result_of(platform, tenantId=OTHER_TENANT)
    assert (other["status"], other["code"]) == ("skipped", "install_unavailable")
    await set_enabled(platform.db, actor=local_actor(TENANT), extension=platform.installed.registry_id, enabled=False)
    disabled = await result_of(platform)
    assert (disabled["status"], disabled["code"]) == ("skipped", "install_unavailable")
    assert platform.runner.requests == []


async def test_only_services_may_ask(platform: Platform) -> None:
    assert (await ask(platform, new_id(), token=SERVICE_TOKEN + "x")).status_code == 401
    assert (await ask(platform, "not-a-uuid")).status_code == 400
    assert (await ask(platform, new_id(), trigger="someone")).status_code == 400
    assert platform.runner.requests == []
