"""B7 to B11: bugs in host functions and in the debug stream. Numbers as in section 8.3 of the runner's contract."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from holdfast.hostcalls import HttpBackend
from holdfast.world import types as t
from holdfast.world.types import StorageEntry, StorageError
from tests.contract import guests
from tests.contract.conftest import Start
from tests.contract.running import Running
from tests.events.recording_server import Recorded, RecordingServer, held_port
from tests.events.redis_process import RedisProcess, redis_process
from tests.hostcalls.calling import Caller
from tests.runner.conftest import EXTENSION, INSTALL, TENANT
from tests.waiting import MAX_WAIT_SECONDS

KEY = f"ext-debug:{TENANT}:{EXTENSION}"


@pytest.fixture
async def caller(application: RecordingServer) -> AsyncIterator[Caller]:
    """A call with everything granted, and the application behind it."""
    backend = HttpBackend(application.url, "runner-token")
    yield Caller(backend=backend)
    await backend.close()


async def test_b7_output_of_a_guest_names_its_tenant_and_extension(runner: Running, tmp_path: Path) -> None:
    """Both streams, line by line and in order."""
    digest = runner.put(component=guests.writing(tmp_path, b"one\ntwo\n", b"bad\nworse\n"))
    assert (await runner.call(digest))["status"] == 200
    written = [event for event in runner.events if event.stream in ("stdout", "stderr")]
    assert [(event.stream, event.level, event.message) for event in written] == [
        ("stdout", "info", "one"),
        ("stdout", "info", "two"),
        ("stderr", "error", "bad"),
        ("stderr", "error", "worse"),
    ]
    assert {(event.tenant_id, event.extension_id, event.install_id, event.request_id, event.content_hash) for event in written} == {
        (TENANT, EXTENSION, INSTALL, "request-1", f"sha256:{digest}")
    }


async def test_b7_in_redis_output_is_in_the_stream_that_readers_use(start: Start, tmp_path: Path) -> None:
    with redis_process(tmp_path) as redis:
        runner = await start(own_events=True, debug_redis_url=redis.url)
        digest = runner.put(component=guests.writing(tmp_path, b"out\n", b"err\n"))
        await runner.call(digest)
        await until_message_stored(redis, "err")
        fields = next(fields for fields in redis.entries(KEY) if fields["message"] == "err")
        assert (fields["stream"], fields["tenant"], fields["extension"], fields["request"]) == ("stderr", TENANT, EXTENSION, "request-1")
        with redis.client() as client:
            assert client.keys("*unknown*") == []


async def until_message_stored(redis: RedisProcess, message: str) -> None:
    """Waits until the debug stream holds this message."""
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while message not in [fields["message"] for fields in await asyncio.to_thread(redis.entries, KEY)]:
            await asyncio.sleep(0.02)


async def test_b8_a_redis_that_starts_later_is_used_from_then_on(start: Start, tmp_path: Path) -> None:
    """The same holds for a Redis that stops and starts again. Calls succeed all the time."""
    with held_port() as port:
        runner = await start(own_events=True, debug_redis_url=f"redis://127.0.0.1:{port}")
        digest = runner.put(component=guests.logging(b"first"))
        assert (await runner.call(digest))["status"] == 200
        for _ in range(2):
            with redis_process(tmp_path, port=port) as redis:
                assert (await runner.call(digest))["status"] == 200
                await until_message_stored(redis, "first")
            assert (await runner.call(digest))["status"] == 200


async def test_b8_a_redis_that_hangs_delays_no_guest(start: Start, tmp_path: Path) -> None:
    """It accepts connections and never responds. Messages written while it hangs arrive once it goes on."""
    with redis_process(tmp_path) as redis:
        runner = await start(own_events=True, debug_redis_url=redis.url)
        digest = runner.put(component=guests.logging(b"first"))
        redis.hang()
        try:
            # A log call that waited for Redis would end at this deadline, or never.
            for _ in range(3):
                assert (await runner.call(digest, limits={"timeout_ms": 30_000}))["status"] == 200
        finally:
            redis.resume()
        last = runner.put(component=guests.logging(b"last"))
        await runner.call(last)
        await until_message_stored(redis, "last")


async def test_b9_a_guest_reads_every_entry(application: RecordingServer, caller: Caller) -> None:
    """The last key received is the cursor. The original drops the application's cursor and requests only 25 entries."""
    keys = [f"key {number:03}" for number in range(230)]

    def answer(request: Recorded) -> Response:
        after = ""
        if (cursor := request.json.get("cursor")) is not None:
            after = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))["key"]
        page = [key for key in keys if key > after][: request.json["limit"]]
        return JSONResponse({"items": [{"key": key, "value": "dGVzdA=="} for key in page], "nextCursor": "opaque"})

    application.answer = answer
    found: list[str] = []
    while page := await caller.call("storage.list-entries", "ns", found[-1] if found else None):
        found += [entry.key for entry in page]
    assert found == keys


@pytest.mark.parametrize("word", ["test", "dGVzdA==", "abcd", "olá"])
async def test_b9_text_that_looks_like_base64_stays_text(application: RecordingServer, caller: Caller, word: str) -> None:
    application.reply({"value": word})
    assert (await caller.call("storage.get", "ns", "k")).value == word.encode()
    application.reply({"value": base64.b64encode(word.encode()).decode(), "metadata": {"encoding": "base64-bytes"}})
    assert (await caller.call("storage.get", "ns", "k")).value == word.encode()


async def test_b9_the_debug_stream_has_the_reason_why_a_record_was_rejected(application: RecordingServer, caller: Caller) -> None:
    """The WIT world has no error case for it, so the guest gets `internal`. The debug stream has the application's message."""
    application.reply({"code": "VALIDATION_ERROR", "error": "value exceeds 65536 bytes"}, 400)
    assert await caller.error_case("storage.put", StorageEntry("ns", "k", b"x", None)) is StorageError.INTERNAL
    assert "VALIDATION_ERROR: value exceeds 65536 bytes" in caller.sink.messages[-1]


async def test_b10_the_applications_errors_by_field_reach_the_guest(application: RecordingServer, caller: Caller) -> None:
    application.reply({"success": False, "error": "Too frequent", "fieldErrors": {"cron": "Minimum is 5 minutes"}}, 400)
    created = await caller.call("scheduler.create-schedule", t.CreateScheduleInput("/e", "* * * * *", None, None, None, None))
    assert (created.success, created.error, json.loads(created.field_errors)) == (False, "Too frequent", {"cron": "Minimum is 5 minutes"})
    updated = await caller.call("scheduler.update-schedule", "s-1", t.UpdateScheduleInput(None, "* * * * *", None, None, None, None))
    assert (updated.success, updated.error, json.loads(updated.field_errors)) == (False, "Too frequent", {"cron": "Minimum is 5 minutes"})
    deleted = await caller.call("scheduler.delete-schedule", "s-1")
    assert (deleted.success, deleted.error) == (False, "Too frequent")
    application.reply({"success": False, "error": "No such client", "fieldErrors": {"clientId": "unknown"}}, 400)
    made = await caller.call("invoicing.create-manual-invoice", t.CreateManualInvoiceInput("c", [], None, None, None))
    assert not made.success
    assert "No such client" in made.error


async def test_b10_a_payload_can_be_cleared(application: RecordingServer, caller: Caller) -> None:
    application.reply({"success": True})
    nothing_else = t.UpdateScheduleInput(None, None, None, None, None, "")
    assert (await caller.call("scheduler.update-schedule", "s-1", nothing_else)).success
    assert application.requests[0].json == {"operation": "update", "scheduleId": "s-1", "payload": None}


CONFIG = {"region": "eu", "größe": "7"}
FORGED = {"X-Ext-Config": '{"region": "us"}', "x-ext-trigger": "schedule", "x-ext-schedule-id": "s-2", "X-Ext-Origin": "https://evil.test"}


async def test_b11_configuration_and_trigger_reach_a_guest_of_any_language(runner: Running) -> None:
    """As headers that only the runner sets."""
    digest = runner.put(component=guests.returning_its_headers())
    context = {"config": CONFIG, "trigger": "schedule", "schedule_id": "s-1"}
    headers = (await runner.call(digest, context=context, http={"headers": FORGED | {"x-own": "1"}}))["headers"]
    assert json.loads(headers.pop("x-ext-config")) == CONFIG
    assert headers == {"x-own": "1", "x-ext-trigger": "schedule", "x-ext-schedule-id": "s-1"}
    assert (await runner.call(digest, context={"config": {}}, http={"headers": FORGED}))["headers"] == {}


async def test_b11_configuration_and_trigger_are_in_the_context_of_a_handler(runner: Running, built: Callable[[str], Path]) -> None:
    digest = runner.put(component=built("echo") / "dist" / "main.wasm")

    async def context(given: dict[str, Any]) -> dict[str, Any]:
        envelope = await runner.call(digest, context=given, http={"path": "/echo", "headers": FORGED})
        seen: dict[str, Any] = json.loads(base64.b64decode(envelope["body_b64"]))["context"]
        return seen

    seen = await context({"config": CONFIG, "trigger": "schedule", "schedule_id": "s-1"})
    assert (seen["config"], seen["trigger"], seen["scheduleId"]) == (CONFIG, "schedule", "s-1")
    seen = await context({})
    assert (seen["config"], seen.get("trigger"), seen.get("scheduleId")) == ({}, None, None)
