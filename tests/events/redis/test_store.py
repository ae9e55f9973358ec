"""Reading from Redis; `model/test_stream.py` tests what all streams have in common."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest
from structlog.typing import EventDict

from holdfast.events import StreamUnavailable
from holdfast.events.model.stream import BEFORE_ALL
from holdfast.events.redis.server import RedisServer
from holdfast.events.redis.store import RedisStore
from tests.events.conftest import MakeEvent
from tests.events.redis_process import RedisProcess, redis_process
from tests.events.streams import messages, next_messages, readable_stream


async def test_ids_are_compared_as_numbers(redis: RedisProcess) -> None:
    store = RedisStore(RedisServer(redis.url), prefix="ext-debug:")
    ids = ["0", "9-0", "9-9", "9-10", "10-0", "1700000000000-2", "1700000000000-11"]
    assert sorted(sorted(ids), key=store.order_of) == ids
    with redis.client() as client:
        for event_id in ("9-9", "9-10", "10-0"):
            client.xadd("ext-debug:t:e", {"tenant": "t", "extension": "e", "message": event_id}, id=event_id)
    async with readable_stream(redis, keep=10) as stream:
        assert messages(await stream.stream.after("t", "e", "9-9", 5)) == ["9-10", "10-0"]
        async with aclosing(stream.stream.subscribe("t", "e", "9-10")) as events:
            assert await next_messages(events, 1) == ["10-0"]


async def test_entries_of_another_runner_are_read(redis: RedisProcess) -> None:
    with redis.client() as client:
        fields = {"ts": "5", "level": "warn", "stream": "log", "tenant": "T", "extension": "E", "message": "m", "truncated": "1"}
        client.xadd("ext-debug:t:e", fields)
    async with readable_stream(redis, keep=10) as stream:
        ((_, event),) = await stream.stream.tail("t", "e", 5)
    assert (event.ts, event.level, event.tenant_id, event.extension_id, event.truncated) == (5, "warn", "T", "E", True)


async def test_an_entry_that_names_another_tenant_is_not_shown(redis: RedisProcess, make_event: MakeEvent) -> None:
    with redis.client() as client:
        client.xadd("ext-debug:t:e", {"tenant": "t2", "extension": "e", "message": "not yours"})
    async with readable_stream(redis, keep=10) as stream:
        await stream.publish(make_event("mine"))
        assert messages(await stream.stream.tail("t", "e", 5)) == ["mine"]
        assert messages(await stream.stream.after("t", "e", BEFORE_ALL, 5)) == ["mine"]
        async with aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as events:
            assert await next_messages(events, 1) == ["mine"]


async def test_reading_reports_an_outage_and_works_afterwards(tmp_path: Path, make_event: MakeEvent, logged: list[EventDict]) -> None:
    with redis_process(tmp_path) as redis:
        async with readable_stream(redis, keep=10) as stream:
            await stream.publish(make_event("before"))
            redis.stop()
            for _ in range(2):
                with pytest.raises(StreamUnavailable) as outage:
                    await stream.stream.tail("t", "e", 5)
            with pytest.raises(StreamUnavailable):
                await stream.stream.after("t", "e", BEFORE_ALL, 5)
            with pytest.raises(StreamUnavailable):
                await anext(stream.stream.subscribe("t", "e", BEFORE_ALL))
            redis.start()
            await stream.publish(make_event("after"))
            assert messages(await stream.stream.tail("t", "e", 5)) == ["after"]
    assert outage.value.status == 503
    assert outage.value.message.startswith("The debug stream cannot be read: Redis does not respond correctly")
    assert str(redis.port) not in str(outage.value)
    (warning,) = [entry for entry in logged if entry["event"] == "debug stream cannot be read from Redis"]
    assert warning["address"].startswith("redis://127.0.0.1:")


async def test_a_waiting_reader_is_notified_of_an_outage(tmp_path: Path, make_event: MakeEvent) -> None:
    with redis_process(tmp_path) as redis:
        async with readable_stream(redis, keep=10) as stream:
            await stream.publish(make_event("before"))
            events = stream.stream.subscribe("t", "e", BEFORE_ALL)
            assert await next_messages(events, 1) == ["before"]
            redis.stop()
            with pytest.raises(StreamUnavailable):
                await next_messages(events, 1)
