from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from holdfast.contract.debug_event import DebugEvent
from holdfast.gateway.debug_stream import live
from holdfast.gateway.debug_stream.live import LiveResponse, event_frames
from holdfast.gateway.debug_stream.selection import Selection
from holdfast.gateway.limits.open_streams import OpenStreams
from tests.gateway.platform import ORIGIN, Platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user
from tests.waiting import MAX_WAIT_SECONDS, until

STREAM = "/api/ext-debug/stream"


def publish(platform: Platform, message: str, *, tenant_id: str = TENANT, **more: Any) -> None:
    extension_id = platform.installed.registry_id
    platform.services.events.publish(
        DebugEvent(
            ts=1_700_000_000_000, level="info", stream="log", tenant_id=tenant_id, extension_id=extension_id, message=message, **more
        )
    )


def selection(platform: Platform, install_id: str | None = None, request_id: str | None = None) -> Selection:
    return Selection(TENANT, platform.installed.registry_id, install_id, request_id)


def message_of(frame: bytes) -> str:
    return str(json.loads(frame.split(b"data: ", 1)[1])["message"])


async def poll(platform: Platform, headers: dict[str, str], body: Any = None, **params: str) -> Any:
    params = {"extensionId": platform.installed.registry_id} | params
    response = await platform.http.post(STREAM, params=params, headers=headers, **({} if body is None else {"json": body}))
    assert response.status_code == 200
    return response.json()


async def test_a_live_stream_ends_when_the_process_stops(platform: Platform) -> None:
    frames = event_frames(platform.services, selection(platform), None)
    publish(platform, "before")
    assert await anext(frames) == b": connected\n\n"
    assert message_of(await anext(frames)) == "before"
    rest = asyncio.ensure_future(anext(frames, b"the end"))
    await asyncio.sleep(0)
    assert not rest.done()
    platform.services.stopping.set()
    assert await asyncio.wait_for(rest, MAX_WAIT_SECONDS) == b"the end"


async def test_polling_returns_each_event_once(platform: Platform) -> None:
    admin = await platform.admin()
    publish(platform, "one", request_id="r", install_id="i", version_id="v", content_hash="sha256:x")
    publish(platform, "two")
    first = await poll(platform, admin)
    assert [event["message"] for event in first["events"]] == ["one", "two"]
    assert first["events"][0] == {
        "id": "1",
        "ts": 1_700_000_000_000,
        "level": "info",
        "stream": "log",
        "tenantId": TENANT,
        "extensionId": platform.installed.registry_id,
        "installId": "i",
        "requestId": "r",
        "versionId": "v",
        "contentHash": "sha256:x",
        "message": "one",
        "truncated": False,
    }
    assert await poll(platform, admin, {"lastId": first["lastId"]}) == {"events": [], "lastId": first["lastId"]}
    publish(platform, "three")
    again = await poll(platform, admin, {"lastId": first["lastId"]})
    assert [event["message"] for event in again["events"]] == ["three"]


async def test_a_poll_returns_at_most_a_hundred_events_and_skips_none(platform: Platform) -> None:
    admin = await platform.admin()
    for number in range(150):
        publish(platform, str(number))
    first = await poll(platform, admin)
    second = await poll(platform, admin, {"lastId": first["lastId"]})
    messages = [event["message"] for event in first["events"] + second["events"]]
    assert (len(first["events"]), messages) == (100, [str(number) for number in range(150)])


async def test_events_are_filtered_by_install_and_request_in_any_letter_case(platform: Platform) -> None:
    admin = await platform.admin()
    publish(platform, "mine", install_id="I1", request_id="R1")
    publish(platform, "other request", install_id="I1", request_id="R2")
    publish(platform, "no request", install_id="I1")
    found = await poll(platform, admin, installId="i1", requestId="r1")
    assert [event["message"] for event in found["events"]] == ["mine"]


async def test_only_events_of_the_callers_tenant_can_be_read(platform: Platform) -> None:
    admin = await platform.admin()
    publish(platform, "secret", tenant_id=OTHER_TENANT)
    params = {"extensionId": platform.installed.registry_id, "tenantId": OTHER_TENANT}
    for method in ("GET", "POST"):
        response = await platform.http.request(method, STREAM, params=params, headers=admin)
        assert (response.status_code, response.json()["error"]) == (403, "tenant_mismatch")
    assert (await poll(platform, admin, tenantId=TENANT))["events"] == []


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_stream_needs_the_permission_to_read_extensions(platform: Platform, method: str) -> None:
    params = {"extensionId": platform.installed.registry_id}
    assert (await platform.http.request(method, STREAM, params=params)).status_code == 401
    without_permission = await platform.key_of(await add_user(platform.db, "ada@example.com"))
    client = await platform.key_of(await add_user(platform.db, "carl@example.com", user_type="client", client=True))
    for headers in (without_permission, client):
        assert (await platform.http.request(method, STREAM, params=params, headers=headers)).status_code == 403


async def test_a_stream_without_a_known_extension_is_rejected(platform: Platform) -> None:
    admin = await platform.admin()
    missing = await platform.http.get(STREAM, headers=admin)
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")
    unknown = await platform.http.get(STREAM, params={"extensionId": "unknown.nothing"}, headers=admin)
    assert (unknown.status_code, unknown.json()["error"]) == (404, "extension_not_available")


@pytest.mark.parametrize("last_id", ["x", "-1", "1-0", "9" * 30, "²"])
async def test_an_invalid_last_id_is_an_invalid_request(platform: Platform, last_id: str) -> None:
    params = {"extensionId": platform.installed.registry_id}
    response = await platform.http.post(STREAM, params=params, json={"lastId": last_id}, headers=await platform.admin())
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


async def test_a_browser_may_poll_from_its_own_origin_only(platform: Platform) -> None:
    cookie = await platform.cookie_of(await add_user(platform.db, "ada@example.com", admin=True))
    assert (await poll(platform, {**cookie, "origin": ORIGIN}))["events"] == []
    params = {"extensionId": platform.installed.registry_id}
    assert (await platform.http.post(STREAM, params=params, headers={**cookie, "origin": "null"})).status_code == 403


async def test_the_live_stream_begins_with_the_tail_and_continues_without_gap_or_repetition(platform: Platform) -> None:
    for number in range(3):
        publish(platform, f"before {number}")
    platform.services.settings.debug_tail_count = 2
    frames = event_frames(platform.services, selection(platform), None)
    assert await anext(frames) == b": connected\n\n"
    # Between reading the tail and subscribing, where events could be lost.
    publish(platform, "meanwhile")
    messages = [message_of(await anext(frames)) for _ in range(3)]
    publish(platform, "after")
    messages.append(message_of(await anext(frames)))
    await frames.aclose()
    assert messages == ["before 1", "before 2", "meanwhile", "after"]


async def test_without_a_tail_no_earlier_event_is_shown(platform: Platform) -> None:
    platform.services.settings.debug_tail_count = 0
    publish(platform, "before")
    frames = event_frames(platform.services, selection(platform), None)
    await anext(frames)
    publish(platform, "after")
    assert message_of(await anext(frames)) == "after"
    await frames.aclose()


async def test_a_browser_that_reconnects_resumes_after_its_last_event(platform: Platform) -> None:
    for number in range(3):
        publish(platform, str(number))
    frames = event_frames(platform.services, selection(platform), "1")
    await anext(frames)
    frame = await anext(frames)
    assert frame.startswith(b"id: 2\n") and message_of(frame) == "1"
    await frames.aclose()


async def test_an_idle_stream_sends_heartbeats_and_loses_no_event(platform: Platform) -> None:
    platform.services.heartbeat_seconds = 0
    frames = event_frames(platform.services, selection(platform), None)
    await anext(frames)
    assert [await anext(frames) for _ in range(3)] == [b": still here\n\n"] * 3
    publish(platform, "at last")
    while (frame := await anext(frames)) == b": still here\n\n":
        pass
    assert message_of(frame) == "at last"
    await frames.aclose()


async def test_the_live_stream_is_filtered_too(platform: Platform) -> None:
    publish(platform, "before, other", request_id="r2")
    frames = event_frames(platform.services, selection(platform, request_id="r1"), None)
    await anext(frames)
    publish(platform, "other", request_id="r2")
    publish(platform, "mine", request_id="R1")
    assert message_of(await anext(frames)) == "mine"
    await frames.aclose()


async def test_a_tenant_has_a_limited_number_of_open_streams(platform: Platform) -> None:
    platform.services.open_debug_streams.per_tenant = 1
    params = {"extensionId": platform.installed.registry_id}
    headers = await platform.admin()
    started, leave = asyncio.Event(), asyncio.Event()
    first = asyncio.ensure_future(_watch(platform, headers, started, leave))
    await started.wait()
    rejected = await platform.http.get(STREAM, params=params, headers=headers)
    assert (rejected.status_code, rejected.json()["error"]) == (429, "rate_limited")
    leave.set()
    assert (await first)["content-type"].startswith("text/event-stream")
    started.clear()
    second = asyncio.ensure_future(_watch(platform, headers, started, leave))
    await started.wait()
    await second


async def _watch(platform: Platform, headers: dict[str, str], started: asyncio.Event, leave: asyncio.Event) -> dict[str, str]:
    """Opens a live stream as a server would, until `leave`; returns the headers of the response."""
    response_headers: dict[str, str] = {}
    request_sent = False

    async def receive() -> dict[str, Any]:
        nonlocal request_sent
        if not request_sent:
            request_sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await leave.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            response_headers.update({name.decode(): value.decode() for name, value in message["headers"]})
        else:
            started.set()

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": STREAM,
        "raw_path": STREAM.encode(),
        "query_string": f"extensionId={platform.installed.registry_id}".encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "server": ("gateway.test", 80),
    }
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        await platform.app(scope, receive, send)
    return response_headers


async def test_all_tenants_together_have_a_limited_number_of_open_streams(platform: Platform) -> None:
    platform.services.open_debug_streams.total = 0
    params = {"extensionId": platform.installed.registry_id}
    rejected = await platform.http.get(STREAM, params=params, headers=await platform.admin())
    assert (rejected.status_code, rejected.json()["error"], rejected.headers["retry-after"]) == (429, "rate_limited", "10")


async def test_a_client_that_reads_too_slowly_gets_what_it_has_a_last_event_and_resumes(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BUFFER_EVENTS", 3)
    monkeypatch.setattr(live, "PATIENCE_SECONDS", 0.01)
    frames = event_frames(platform.services, selection(platform), None)
    assert await anext(frames) == b": connected\n\n"
    publish(platform, "first")
    assert message_of(await anext(frames)) == "first"
    with capture_logs() as logged:
        for number in range(10):
            publish(platform, str(number))
        await until(lambda: logged)
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        got = [frame async for frame in frames]
    assert [message_of(frame) for frame in got[:3]] == ["0", "1", "2"]
    assert [frame[:22] for frame in got[3:]] == [b"event: dropped\ndata: {"]
    assert json.loads(got[3].split(b"data: ", 1)[1])["reason"] == "too_slow"
    last_id = got[2].split(b"\n", 1)[0].removeprefix(b"id: ").decode()
    again = event_frames(platform.services, selection(platform), last_id)
    await anext(again)
    assert [message_of(await anext(again)) for _ in range(7)] == [str(number) for number in range(3, 10)]
    await again.aclose()


async def test_a_burst_drops_no_client_that_reads(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BUFFER_EVENTS", 3)
    monkeypatch.setattr(live, "PATIENCE_SECONDS", MAX_WAIT_SECONDS)
    frames = event_frames(platform.services, selection(platform), None)
    await anext(frames)
    for number in range(1_000):
        publish(platform, str(number))
    assert [message_of(await anext(frames)) for _ in range(1_000)] == [str(number) for number in range(1_000)]
    await frames.aclose()


async def test_a_client_that_takes_nothing_is_disconnected_and_not_counted_any_more(platform: Platform) -> None:
    open_streams = OpenStreams(per_tenant=1)
    response = LiveResponse(event_frames(platform.services, selection(platform), None), open_streams, TENANT, send_seconds=0.05)

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        assert len(open_streams) == 1
        await asyncio.Event().wait()

    scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "method": "GET", "headers": []}
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        await response(scope, receive, send)
        await LiveResponse(event_frames(platform.services, selection(platform), None), open_streams, TENANT, send_seconds=0.05)(
            {**scope, "asgi": {"version": "3.0"}}, receive, send
        )
    assert len(open_streams) == 0
