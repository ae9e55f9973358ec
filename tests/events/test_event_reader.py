"""One reader of a stream, through outages of its store."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from holdfast.events import MemoryStream
from holdfast.events.event_reader import EventReader
from holdfast.events.model.stream import NOT_STORED, EventStream
from tests.events.conftest import MakeEvent
from tests.events.redis_process import RedisProcess, redis_process
from tests.events.streams import messages, next_messages, readable_stream


def reader_of(stream: EventStream, *, after_id: str | None = None, tail: int = 2) -> EventReader:
    return EventReader(stream, "t", "e", after_id=after_id, tail=tail, retry_delays=(0.01,))


@pytest.mark.parametrize(("tail", "shown"), [(2, ["1", "2"]), (0, [])])
async def test_it_starts_with_the_tail_and_continues_from_there(make_event: MakeEvent, tail: int, shown: list[str]) -> None:
    stream = MemoryStream()
    for number in range(3):
        stream.publish(make_event(str(number)))
    reader = reader_of(stream, tail=tail)
    assert messages(await reader.start()) == shown
    stream.publish(make_event("new"))
    async with aclosing(reader.entries()) as events:
        assert await next_messages(events, 1) == ["new"]


async def test_start_and_end_of_an_outage_are_reported_once_and_reading_continues(tmp_path: Path, make_event: MakeEvent) -> None:
    with redis_process(tmp_path) as redis:
        async with readable_stream(redis, keep=10) as stream:
            await stream.publish(make_event("before"))
            reader = reader_of(stream.stream)
            assert messages(await reader.start()) == ["before"]
            async with aclosing(reader.entries()) as events:
                redis.stop()
                event_id, event = await anext(events)
                assert (event_id, event.level, event.stream) == (NOT_STORED, "error", "host")
                assert event.message.startswith("The debug stream cannot be read")
                back = asyncio.ensure_future(next_messages(events, 3))
                redis.start()
                await stream.publish(make_event("after"))
                goes_on, missing, after = await back
    # This Redis keeps nothing when it ends, so what was not read yet is gone.
    assert (goes_on, after) == ("The debug stream continues.", "after")
    assert missing.startswith("Some events may be missing here")


async def test_a_reader_that_starts_during_an_outage_gets_the_tail_afterwards(tmp_path: Path, make_event: MakeEvent) -> None:
    process = RedisProcess(tmp_path)
    async with readable_stream(process, keep=10) as stream:
        reader = reader_of(stream.stream)
        assert await reader.start() == []
        async with aclosing(reader.entries()) as events:
            (outage,) = await next_messages(events, 1)
            assert outage.startswith("The debug stream cannot be read")
            stream.stream.publish(make_event("waited"))
            with redis_process(tmp_path, port=process.port):
                seen = await next_messages(events, 2)
    assert sorted(seen) == ["The debug stream continues.", "waited"]
