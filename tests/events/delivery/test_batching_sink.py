"""Delivery in batches to the gateway: order, retries, losses and closing."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from starlette.responses import JSONResponse, Response
from structlog.typing import EventDict

from holdfast.contract.debug_event import EventBatch
from holdfast.events import HttpSink
from tests.events.conftest import MakeEvent
from tests.events.recording_server import Recorded, RecordingServer, free_port, recording_server
from tests.waiting import MAX_WAIT_SECONDS, until


def sink_for(server: RecordingServer | str, **options: Any) -> HttpSink:
    url = server if isinstance(server, str) else server.url
    settings: dict[str, Any] = {"interval": 0.01, "retry_delays": (0.0,), **options}
    return HttpSink(url, "the-token", **settings)


def messages(requests: list[Recorded]) -> list[str]:
    return [event.message for request in requests for event in msgspec.json.decode(request.body, type=EventBatch).events]


async def test_events_arrive_with_every_field_and_the_runners_token(make_event: MakeEvent) -> None:
    async with recording_server() as server:
        sink = sink_for(server)
        await sink.start()
        sink.publish(make_event("hello"))
        (request,) = await server.wait_for(1)
        await sink.close()
    assert (request.method, request.path) == ("POST", "/api/internal/ext-debug/events")
    assert request.header("x-runner-auth") == "the-token"
    assert request.header("content-type") == "application/json"
    assert msgspec.json.decode(request.body, type=EventBatch).events == [make_event("hello")]


async def test_events_published_before_the_start_are_delivered(make_event: MakeEvent) -> None:
    async with recording_server() as server:
        sink = sink_for(server)
        sink.publish(make_event("early"))
        await sink.start()
        await server.wait_for(1)
        await sink.close()
    assert messages(server.requests) == ["early"]


async def test_no_batch_is_longer_than_its_limit(make_event: MakeEvent) -> None:
    async with recording_server() as server:
        sink = sink_for(server, batch_size=10)
        for number in range(25):
            sink.publish(make_event(str(number)))
        await sink.start()
        await server.wait_for(3)
        await sink.close()
    assert [len(request.json["events"]) for request in server.requests] == [10, 10, 5]
    assert messages(server.requests) == [str(number) for number in range(25)]


async def test_a_full_batch_does_not_wait_for_the_interval(make_event: MakeEvent) -> None:
    async with recording_server() as server:
        sink = sink_for(server, batch_size=3, interval=3_600)
        await sink.start()
        for number in range(3):
            sink.publish(make_event(str(number)))
        await server.wait_for(1)
        await sink.close()
    assert messages(server.requests) == ["0", "1", "2"]


async def test_events_wait_while_the_gateway_is_unavailable(make_event: MakeEvent) -> None:
    port = free_port()
    sink = sink_for(f"http://127.0.0.1:{port}", retry_delays=(0.01,))
    await sink.start()
    sink.publish(make_event("patient"))
    async with recording_server(port) as server:
        await server.wait_for(1)
        await sink.close()
    assert messages(server.requests) == ["patient"]


@pytest.mark.parametrize("status", [401, 429, 500, 502, 503])
async def test_a_batch_is_sent_again_after_a_temporary_failure(make_event: MakeEvent, status: int) -> None:
    async with recording_server() as server:
        server.answer = lambda _: JSONResponse({}, status_code=status if len(server.requests) < 3 else 200)
        sink = sink_for(server)
        await sink.start()
        sink.publish(make_event("again"))
        await server.wait_for(3)
        await sink.close()
    assert messages(server.requests) == ["again"] * 3


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_server_without_the_route_is_asked_once(make_event: MakeEvent, status: int, logged: list[EventDict]) -> None:
    async with recording_server() as server:
        server.reply({}, status)
        sink = sink_for(server)
        await sink.start()
        sink.publish(make_event("first"))
        await until(lambda: sink.is_paused)
        for number in range(500):
            sink.publish(make_event(str(number)))
        await sink.close()  # would send what is queued
    assert messages(server.requests) == ["first"]
    assert [line["event"] for line in logged] == ["the receiver takes no debug events, they are dropped"]


async def test_after_the_pause_a_server_is_asked_again_and_the_log_has_one_line(make_event: MakeEvent, logged: list[EventDict]) -> None:
    async with recording_server() as server:
        server.answer = lambda _: JSONResponse({}, status_code=404 if len(server.requests) < 4 else 200)
        sink = sink_for(server, missing_pause=0.0)
        await sink.start()
        while len(server.requests) < 4:  # what is published during an attempt is dropped with it
            sink.publish(make_event("again"))
            await asyncio.sleep(0)
        await sink.close()
    assert set(messages(server.requests)) == {"again"}
    assert len(logged) == 1


async def test_a_rejected_batch_is_dropped_and_delivery_continues(make_event: MakeEvent) -> None:
    async with recording_server() as server:
        server.answer = lambda _: JSONResponse({}, status_code=400 if len(server.requests) == 1 else 200)
        sink = sink_for(server)
        await sink.start()
        sink.publish(make_event("bad"))
        await server.wait_for(1)
        sink.publish(make_event("good"))
        await server.wait_for(2)
        await sink.close()
    assert messages(server.requests) == ["bad", "good"]


async def test_an_event_that_cannot_be_encoded_does_not_end_delivery(make_event: MakeEvent) -> None:
    async with recording_server() as server:
        sink = sink_for(server, batch_size=1)
        sink.publish(make_event("bad", tenant_id="\ud800"))
        sink.publish(make_event("good"))
        await sink.start()
        await server.wait_for(1)
        await sink.close()
    assert messages(server.requests) == ["good"]


async def test_a_full_queue_drops_the_oldest_and_reports_the_losses_to_each_stream(make_event: MakeEvent) -> None:
    async with recording_server() as server:
        sink = sink_for(server, max_queue=4)
        for number in range(6):
            sink.publish(make_event(str(number), tenant_id="t1" if number < 1 else "t2"))
        await sink.start()
        await server.wait_for(1)
        await sink.close()
    events = msgspec.json.decode(server.requests[0].body, type=EventBatch).events
    assert [(event.tenant_id, event.level, event.message.split(":")[0]) for event in events[:2]] == [
        ("t1", "warn", "1 debug events were dropped here"),
        ("t2", "warn", "1 debug events were dropped here"),
    ]
    assert [event.message for event in events[2:]] == ["2", "3", "4", "5"]


async def test_closing_sends_what_is_queued(make_event: MakeEvent) -> None:
    async with recording_server() as server:
        sink = sink_for(server, interval=3_600, batch_size=10)
        await sink.start()
        for number in range(15):
            sink.publish(make_event(str(number)))
        await sink.close()
    assert messages(server.requests) == [str(number) for number in range(15)]


async def test_closing_ends_although_the_gateway_is_unavailable(make_event: MakeEvent, logged: list[EventDict]) -> None:
    sink = sink_for(f"http://127.0.0.1:{free_port()}", retry_delays=(3_600,))
    await sink.start()
    sink.publish(make_event("lost"))
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        await sink.close()
    assert [(entry["event"], entry["count"]) for entry in logged if "count" in entry] == [("debug events not delivered before the end", 1)]


async def test_closing_ends_although_the_gateway_does_not_respond(make_event: MakeEvent) -> None:
    released = asyncio.Event()

    async def hold(_: Recorded) -> Response:
        await released.wait()
        return JSONResponse({})

    async with recording_server() as server:
        server.answer = hold
        sink = sink_for(server, close_limit=0.01)
        await sink.start()
        sink.publish(make_event("held"))
        await server.wait_for(1)
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            await sink.close()
        released.set()


async def test_events_published_after_closing_are_ignored(make_event: MakeEvent) -> None:
    async with recording_server() as server:
        sink = sink_for(server)
        await sink.start()
        await sink.close()
        sink.publish(make_event("late"))
    assert server.requests == []


async def test_a_redirect_is_not_followed_with_the_token(make_event: MakeEvent) -> None:
    async with recording_server() as other, recording_server() as server:
        server.answer = lambda _: Response(status_code=307, headers={"location": other.url}) if len(server.requests) < 2 else Response()
        sink = sink_for(server)
        await sink.start()
        sink.publish(make_event("m"))
        await server.wait_for(2)
        await sink.close()
    assert other.requests == []
