"""Delivery to real Redis servers: running, missing, locked, hung, killed and restarted."""

from __future__ import annotations

import asyncio
from pathlib import Path

from structlog.typing import EventDict

from holdfast.events.redis.server import RedisServer
from holdfast.events.redis.sink import RedisSink
from tests.events.conftest import MakeEvent
from tests.events.redis_process import RedisProcess, redis_process
from tests.events.streams import sink_for, until_stored
from tests.waiting import MAX_WAIT_SECONDS

KEY = "ext-debug:t:e"


def messages(redis: RedisProcess, key: str = KEY) -> list[str]:
    return [fields["message"] for fields in redis.entries(key)]


def logged_events(logged: list[EventDict]) -> list[str]:
    return [entry["event"] for entry in logged]


async def until_logged(logged: list[EventDict], event: str) -> EventDict:
    """Waits for an event in the log and returns its entry."""
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while event not in logged_events(logged):
            await asyncio.sleep(0.001)
    return next(entry for entry in logged if entry["event"] == event)


RETRYING = "debug events cannot be delivered, retrying"


async def test_an_event_is_added_with_the_command_of_the_contract(redis: RedisProcess, make_event: MakeEvent) -> None:
    sink = sink_for(redis, maxlen=77)
    with redis.client() as client, client.monitor() as monitor:
        sink.publish(make_event("hello", tenant_id="T", request_id="r", truncated=True))
        await sink.start()
        await sink.close()
        command = next(line["command"] for line in monitor.listen() if line["command"].startswith("XADD"))
    words = "ts 1 level info stream log tenant T extension e request r message hello truncated 1"
    assert command == f"XADD ext-debug:t:e MAXLEN ~ 77 * {words}"


async def test_a_stream_is_trimmed_to_about_its_length(redis: RedisProcess, make_event: MakeEvent) -> None:
    sink = sink_for(redis, maxlen=5)
    for number in range(20):
        sink.publish(make_event(str(number)))
    await sink.start()
    await sink.close()
    assert messages(redis) == ["15", "16", "17", "18", "19"]


async def test_with_a_prefix_without_colon_events_go_to_the_common_stream_too(redis: RedisProcess, make_event: MakeEvent) -> None:
    sink = sink_for(redis, prefix="ext:debug")
    sink.publish(make_event("one"))
    sink.publish(make_event("two", tenant_id="t2"))
    await sink.start()
    await sink.close()
    assert messages(redis, "ext:debug") == ["one", "two"]
    assert messages(redis, "ext:debugt:e") == ["one"]
    assert messages(redis, "ext:debugt2:e") == ["two"]


async def test_events_without_tenant_and_extension_go_to_the_unknown_stream(redis: RedisProcess, make_event: MakeEvent) -> None:
    sink = sink_for(redis)
    sink.publish(make_event("whose?", tenant_id="", extension_id=""))
    await sink.start()
    await sink.close()
    assert messages(redis, "ext-debug:unknown") == ["whose?"]


async def test_text_that_utf_8_cannot_encode_does_not_end_delivery(redis: RedisProcess, make_event: MakeEvent) -> None:
    sink = sink_for(redis)
    sink.publish(make_event("a\ud800b"))
    sink.publish(make_event("good"))
    await sink.start()
    await sink.close()
    assert messages(redis) == ["a?b", "good"]


async def test_a_password_is_used_and_never_logged(tmp_path: Path, make_event: MakeEvent, logged: list[EventDict]) -> None:
    with redis_process(tmp_path, "--requirepass", "p@ss:w/rd") as locked:
        right = sink_for(locked, password="p@ss:w/rd")
        right.publish(make_event("in"))
        await right.start()
        await until_stored(locked, KEY, 1, password="p@ss:w/rd")
        await right.close()
        wrong = RedisSink(RedisServer(f"redis://:not-it@127.0.0.1:{locked.port}"), prefix="", maxlen=1, interval=0)
        wrong.publish(make_event("out"))
        await wrong.start()
        entry = await until_logged(logged, RETRYING)
        await wrong.close()
    assert (entry["receiver"], entry["reason"]) == (f"Redis at redis://127.0.0.1:{locked.port}", "AuthenticationError")
    assert "p@ss" not in str(logged) and "not-it" not in str(logged)


async def test_events_wait_for_a_redis_that_starts_later(tmp_path: Path, make_event: MakeEvent, logged: list[EventDict]) -> None:
    process = RedisProcess(tmp_path)
    sink = sink_for(process)
    await sink.start()
    sink.publish(make_event("patient"))
    await until_logged(logged, RETRYING)
    with redis_process(tmp_path, port=process.port) as late:
        await until_stored(late, KEY, 1)
        await sink.close()
        assert messages(late) == ["patient"]
    assert "debug events are delivered again" in logged_events(logged)


async def test_delivery_continues_after_redis_was_killed_and_restarted(tmp_path: Path, make_event: MakeEvent) -> None:
    with redis_process(tmp_path) as redis:
        sink = sink_for(redis)
        await sink.start()
        sink.publish(make_event("before"))
        await until_stored(redis, KEY, 1)
        for life in ("second", "third"):
            redis.stop()
            sink.publish(make_event(life))
            redis.start()
            await until_stored(redis, KEY, 1)
            assert messages(redis) == [life]
        await sink.close()


async def test_a_redis_that_hangs_delays_neither_publishing_nor_closing(tmp_path: Path, make_event: MakeEvent) -> None:
    with redis_process(tmp_path) as redis:
        sink = sink_for(redis, close_limit=0.05, max_queue=10, reply_seconds=2 * MAX_WAIT_SECONDS)
        await sink.start()
        sink.publish(make_event("before"))
        await until_stored(redis, KEY, 1)
        redis.hang()
        for number in range(1_000):
            sink.publish(make_event(str(number)))
            await asyncio.sleep(0)
        async with asyncio.timeout(MAX_WAIT_SECONDS):  # less than Redis has
            await sink.close()
        redis.resume()


async def test_closing_ends_although_redis_hangs_from_the_start(tmp_path: Path, make_event: MakeEvent, logged: list[EventDict]) -> None:
    with redis_process(tmp_path) as redis:
        redis.hang()
        sink = sink_for(redis, close_limit=0.05, reply_seconds=2 * MAX_WAIT_SECONDS)
        sink.publish(make_event("lost"))
        await sink.start()
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            await sink.close()
        redis.resume()
    assert [entry["count"] for entry in logged if entry["event"] == "debug events not delivered before the end"] == [1]


async def test_a_redis_that_hangs_does_not_receive_the_same_batch_repeatedly(make_event: MakeEvent) -> None:
    # A hung Redis runs later what it was sent meanwhile, so this one only counts.
    sent: list[bytes] = []
    connected = asyncio.Semaphore(0)

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.release()
        while data := await reader.read(65_536):
            sent.append(data)
        writer.close()

    async with await asyncio.start_server(swallow, "127.0.0.1", 0) as listening:
        server = RedisServer(f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}", timeout=0.02)
        sink = RedisSink(server, prefix="p:", maxlen=10, interval=0, retry_delays=(0,), close_limit=0.01)
        await sink.start()
        sink.publish(make_event("once"))
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            for _ in range(5):
                await connected.acquire()
        await sink.close()
    assert b"".join(sent).count(b"XADD") == 1


async def test_losses_during_an_outage_of_redis_are_reported_in_the_stream(tmp_path: Path, make_event: MakeEvent) -> None:
    process = RedisProcess(tmp_path)
    sink = sink_for(process, max_queue=3)
    for number in range(5):
        sink.publish(make_event(str(number)))
    await sink.start()
    with redis_process(tmp_path, port=process.port) as redis:
        await until_stored(redis, KEY, 4)
        await sink.close()
        loss, *kept = messages(redis)
    assert loss == "2 debug events were dropped here: Redis accepted them too slowly."
    assert kept == ["2", "3", "4"]


async def test_a_key_of_another_type_loses_only_its_own_events(redis: RedisProcess, make_event: MakeEvent, logged: list[EventDict]) -> None:
    with redis.client() as client:
        client.set("ext-debug:t2:e", "a text")
    sink = sink_for(redis, batch_size=2)
    for number in range(4):
        sink.publish(make_event(str(number)))
        sink.publish(make_event("dropped", tenant_id="t2"))
    await sink.start()
    await sink.close()
    assert messages(redis) == ["0", "1", "2", "3"]
    errors = [entry for entry in logged if entry["event"] == "debug events dropped, Redis cannot add them to a stream"]
    assert [entry["reason"] for entry in errors] == ["ResponseError WRONGTYPE"]


async def test_a_stream_without_write_permission_loses_only_its_own_events(redis: RedisProcess, make_event: MakeEvent) -> None:
    with redis.client() as client:
        client.acl_setuser("writer", enabled=True, passwords=["+pw"], keys=["ext:debug?*"], commands=["+xadd", "+ping"])
    server = RedisServer(f"redis://writer:pw@127.0.0.1:{redis.port}")
    sink = RedisSink(server, prefix="ext:debug", maxlen=10)
    sink.publish(make_event("kept"))
    await sink.start()
    await sink.close()
    assert messages(redis, "ext:debugt:e") == ["kept"]
    assert messages(redis, "ext:debug") == []


async def test_a_temporary_error_is_retried(redis: RedisProcess, make_event: MakeEvent, logged: list[EventDict]) -> None:
    sink = sink_for(redis)
    with redis.client() as client:
        client.config_set("maxmemory", "1")
        await sink.start()
        sink.publish(make_event("patient"))
        assert (await until_logged(logged, RETRYING))["reason"].startswith("OutOfMemoryError")
        client.config_set("maxmemory", "0")
        await until_stored(redis, KEY, 1)
        await sink.close()
    assert messages(redis) == ["patient"]
