"""The debug stream's routes over a real Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.contract.debug_event import DebugEvent
from holdfast.gateway.debug_stream.live import event_frames
from holdfast.gateway.debug_stream.selection import Selection
from tests.events.redis_process import RedisProcess, redis_process
from tests.events.streams import ReadableStream, readable_stream
from tests.gateway.platform import Platform
from tests.records.databases import OTHER_TENANT, TENANT
from tests.waiting import MAX_WAIT_SECONDS

STREAM = "/api/ext-debug/stream"


@pytest.fixture
async def redis(tmp_path: Path, platform: Platform) -> AsyncIterator[RedisProcess]:
    with redis_process(tmp_path) as process:
        yield process


@pytest.fixture
async def stream(redis: RedisProcess, platform: Platform) -> AsyncIterator[ReadableStream]:
    async with readable_stream(redis, keep=1_000) as opened:
        platform.services.events = opened.stream
        yield opened


def event(platform: Platform, message: str, *, tenant_id: str = TENANT, **more: Any) -> DebugEvent:
    extension_id = platform.installed.registry_id
    return DebugEvent(ts=1, level="info", stream="log", tenant_id=tenant_id, extension_id=extension_id, message=message, **more)


def selection(platform: Platform, request_id: str | None = None) -> Selection:
    return Selection(TENANT, platform.installed.registry_id, None, request_id)


def data_of(frame: bytes) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(frame.split(b"data: ", 1)[1])
    return data


async def test_polling_resumes_from_an_id_of_redis_and_rejects_one_of_another_stream(platform: Platform, stream: ReadableStream) -> None:
    await stream.publish(event(platform, "one"), event(platform, "two"), event(platform, "secret", tenant_id=OTHER_TENANT))
    params, headers = {"extensionId": platform.installed.registry_id}, await platform.admin()
    first = (await platform.http.post(STREAM, params=params, headers=headers)).json()
    assert [found["message"] for found in first["events"]] == ["one", "two"]
    assert first["lastId"] == first["events"][-1]["id"] and "-" in first["lastId"]
    await stream.publish(event(platform, "three"))
    again = (await platform.http.post(STREAM, params=params, headers=headers, json={"lastId": first["lastId"]})).json()
    assert [found["message"] for found in again["events"]] == ["three"]
    rejected = await platform.http.post(STREAM, params=params, headers=headers, json={"lastId": "1767323045000000"})
    assert (rejected.status_code, rejected.json()["error"]) == (400, "invalid_request")


async def test_polling_reports_that_redis_is_unreachable(platform: Platform, stream: ReadableStream, redis: RedisProcess) -> None:
    redis.stop()
    params = {"extensionId": platform.installed.registry_id}
    response = await platform.http.post(STREAM, params=params, headers=await platform.admin())
    assert (response.status_code, response.json()["error"]) == (503, "debug_stream_unavailable")
    assert response.json()["message"].startswith("The debug stream cannot be read: Redis does not respond")


async def test_the_live_stream_begins_with_the_tail_and_continues(platform: Platform, stream: ReadableStream) -> None:
    await stream.publish(*(event(platform, f"before {number}") for number in range(3)))
    platform.services.settings.debug_tail_count = 2
    frames = event_frames(platform.services, selection(platform), None)
    assert await anext(frames) == b": connected\n\n"
    await stream.publish(event(platform, "meanwhile"))
    shown = [await anext(frames) for _ in range(3)]
    assert [data_of(frame)["message"] for frame in shown] == ["before 1", "before 2", "meanwhile"]
    assert all(frame.startswith(f"id: {data_of(frame)['id']}\n".encode()) for frame in shown)
    await frames.aclose()


async def test_the_live_stream_reports_an_outage_to_every_client_and_continues_after_it(
    platform: Platform, stream: ReadableStream, redis: RedisProcess
) -> None:
    frames = event_frames(platform.services, selection(platform, request_id="r1"), None)
    await anext(frames)
    redis.stop()
    frame = await anext(frames)
    # Without an id: a browser that reconnects asks for the events after the last id it got.
    assert frame.startswith(b"data: ")
    assert (data_of(frame)["level"], data_of(frame)["stream"]) == ("error", "host")
    assert data_of(frame)["message"].startswith("The debug stream cannot be read: Redis does not respond")
    redis.start()
    await stream.publish(event(platform, "other", request_id="r2"), event(platform, "mine", request_id="r1"))
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        assert [data_of(await anext(frames))["message"] for _ in range(2)] == ["The debug stream continues.", "mine"]
    await frames.aclose()
