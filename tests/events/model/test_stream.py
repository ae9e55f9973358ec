"""What all debug streams have in common, tested in memory, in Redis and in a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from functools import partial
from pathlib import Path

import pytest

from holdfast.events.model.stream import BEFORE_ALL, NOT_STORED
from tests.events.conftest import MakeEvent
from tests.events.streams import ReadableStream, messages, next_messages, readable_stream

OpenStream = Callable[..., AbstractAsyncContextManager[ReadableStream]]


@pytest.fixture(params=["memory", "redis", "file"])
def open_stream(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStream:
    if request.param == "file":
        return partial(readable_stream, tmp_path / "events.db")
    return partial(readable_stream, None if request.param == "memory" else request.getfixturevalue("redis"))


@pytest.fixture
async def stream(open_stream: OpenStream) -> AsyncIterator[ReadableStream]:
    async with open_stream(keep=1_000) as opened:
        yield opened


async def test_the_tail_is_the_last_events_oldest_first(stream: ReadableStream, make_event: MakeEvent) -> None:
    await stream.publish(*(make_event(str(number)) for number in range(5)))
    assert messages(await stream.stream.tail("t", "e", 3)) == ["2", "3", "4"]
    assert messages(await stream.stream.tail("t", "e", 50)) == ["0", "1", "2", "3", "4"]
    assert await stream.stream.tail("t", "e", 0) == []


async def test_an_event_is_read_as_it_was_published(stream: ReadableStream, make_event: MakeEvent) -> None:
    full = make_event("é\n€", install_id="i", request_id="r", version_id="v", content_hash="sha256:x", truncated=True)
    await stream.publish(full, make_event("bare"))
    assert [event for _, event in await stream.stream.tail("t", "e", 2)] == [full, make_event("bare")]


async def test_a_stream_belongs_to_one_tenant_and_one_extension(stream: ReadableStream, make_event: MakeEvent) -> None:
    other_tenant, other_extension = make_event("other tenant", tenant_id="t2"), make_event("other extension", extension_id="e2")
    await stream.publish(make_event("mine"), other_tenant, other_extension)
    assert messages(await stream.stream.tail("t", "e", 10)) == ["mine"]
    assert messages(await stream.stream.after("t", "e", BEFORE_ALL, 10)) == ["mine"]
    assert await stream.stream.tail("t3", "e", 10) == []


async def test_tenant_and_extension_ids_are_compared_without_case(stream: ReadableStream, make_event: MakeEvent) -> None:
    await stream.publish(make_event("m", tenant_id="ABC"))
    assert messages(await stream.stream.tail("abc", "E", 1)) == ["m"]


async def test_a_stream_keeps_its_newest_events_only(open_stream: OpenStream, make_event: MakeEvent) -> None:
    async with open_stream(keep=3) as stream:
        await stream.publish(*(make_event(str(number)) for number in range(10)))
        assert messages(await stream.stream.tail("t", "e", 100)) == ["7", "8", "9"]


async def test_a_polling_reader_gets_a_limited_number_of_events_after_its_last_id(stream: ReadableStream, make_event: MakeEvent) -> None:
    await stream.publish(*(make_event(str(number)) for number in range(5)))
    first = await stream.stream.after("t", "e", BEFORE_ALL, 2)
    second = await stream.stream.after("t", "e", first[-1][0], 2)
    third = await stream.stream.after("t", "e", second[-1][0], 2)
    assert [messages(entries) for entries in (first, second, third)] == [["0", "1"], ["2", "3"], ["4"]]
    assert await stream.stream.after("t", "e", third[-1][0], 2) == []
    assert await stream.stream.after("t", "unknown", BEFORE_ALL, 2) == []


async def test_a_stream_recognizes_its_ids(stream: ReadableStream, make_event: MakeEvent) -> None:
    await stream.publish(make_event("m"))
    ((event_id, _),) = await stream.stream.tail("t", "e", 1)
    assert stream.stream.is_id(event_id)
    assert stream.stream.is_id(BEFORE_ALL)
    for text in ("", "x", "-1", "$", "+", "²", "1-", "9" * 30, "1-1-1", f"1-{'9' * 30}"):
        assert not stream.stream.is_id(text), text


async def test_a_reader_gets_stored_events_and_then_new_ones_without_gap_or_repetition(
    stream: ReadableStream, make_event: MakeEvent
) -> None:
    await stream.publish(make_event("0"), make_event("1"))
    (first, _) = await stream.stream.after("t", "e", BEFORE_ALL, 2)
    async with aclosing(stream.stream.subscribe("t", "e", first[0])) as events:
        assert await next_messages(events, 1) == ["1"]
        await stream.publish(make_event("2"), make_event("3"))
        assert await next_messages(events, 1) == ["2"]
        await stream.publish(make_event("4"))
        assert await next_messages(events, 2) == ["3", "4"]


async def test_a_waiting_reader_is_woken_by_an_event_of_its_own_stream_only(stream: ReadableStream, make_event: MakeEvent) -> None:
    async with aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as events:
        waiting = asyncio.ensure_future(next_messages(events, 1))
        await asyncio.sleep(0)
        await stream.publish(make_event("other", tenant_id="t2"), make_event("mine"))
        assert await waiting == ["mine"]


async def test_a_reader_that_is_too_slow_is_notified(open_stream: OpenStream, make_event: MakeEvent) -> None:
    async with open_stream(keep=2) as stream:
        await stream.publish(make_event("0"))
        async with aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as events:
            assert await next_messages(events, 1) == ["0"]
            await stream.publish(*(make_event(str(number)) for number in range(1, 6)))
            event_id, event = await anext(events)
            assert (event_id, event.level) == (NOT_STORED, "warn")
            assert event.message.startswith("Some events")
            assert "missing here" in event.message
            assert await next_messages(events, 2) == ["4", "5"]


async def test_a_reader_that_needs_several_reads_misses_nothing(stream: ReadableStream, make_event: MakeEvent) -> None:
    await stream.publish(*(make_event(str(number)) for number in range(350)))
    async with aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as events:
        assert await next_messages(events, 350) == [str(number) for number in range(350)]


async def test_two_readers_of_one_stream_both_get_every_event(stream: ReadableStream, make_event: MakeEvent) -> None:
    async with (
        aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as one,
        aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as two,
    ):
        await stream.publish(*(make_event(str(number)) for number in range(3)))
        assert await next_messages(one, 3) == await next_messages(two, 3) == ["0", "1", "2"]
