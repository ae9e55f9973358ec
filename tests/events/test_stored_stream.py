"""One task reads a store for all readers of a process; `model/test_stream.py` tests what all streams have in common."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest

from holdfast.events import StreamUnavailable
from holdfast.events.model.stream import BEFORE_ALL, NOT_STORED
from tests.events.conftest import MakeEvent
from tests.events.redis_process import RedisProcess, redis_process
from tests.events.streams import ReadableStream, next_messages, readable_stream
from tests.waiting import MAX_WAIT_SECONDS, until


def connections(redis: RedisProcess) -> list[str]:
    """The last command of each connection, without that of this question."""
    lines = [dict(field.split("=", 1) for field in line.split()) for line in redis.command("CLIENT", "LIST").splitlines() if line]
    return [line["cmd"] for line in lines if line["cmd"] != "client|list"]


async def test_all_readers_of_a_process_share_one_connection_that_waits(redis: RedisProcess, make_event: MakeEvent) -> None:
    async with readable_stream(redis, keep=100) as stream, AsyncExitStack() as readers:
        every = []
        for number in range(60):
            events = stream.stream.subscribe("t", f"e{number % 20}", BEFORE_ALL)
            every.append(await readers.enter_async_context(aclosing(events)))
        waiting = [asyncio.ensure_future(next_messages(events, 1)) for events in every]
        await until(lambda: connections(redis).count("xread") == 1, lambda: connections(redis))
        await stream.publish(*(make_event(f"m{number}", extension_id=f"e{number}") for number in range(20)))
        assert await asyncio.gather(*waiting) == [[f"m{number % 20}"] for number in range(60)]
        assert connections(redis).count("xread") <= 1
        # One waits, four read, two write.
        assert len(connections(redis)) <= 7


async def test_a_reader_that_joins_gets_what_is_stored_and_what_comes(redis: RedisProcess, make_event: MakeEvent) -> None:
    async with readable_stream(redis, keep=1_000) as stream:
        await stream.publish(*(make_event(str(number)) for number in range(150)))
        async with aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as first:
            assert await next_messages(first, 150) == [str(number) for number in range(150)]
            async with aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as second:
                joined = asyncio.ensure_future(next_messages(second, 160))
                await stream.publish(*(make_event(str(number)) for number in range(150, 160)))
                assert await joined == [str(number) for number in range(160)]
                assert await next_messages(first, 10) == [str(number) for number in range(150, 160)]


async def test_a_reader_that_leaves_does_not_affect_the_others(redis: RedisProcess, make_event: MakeEvent) -> None:
    async with readable_stream(redis, keep=100) as stream, aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as stays:
        staying = asyncio.ensure_future(next_messages(stays, 2))
        for extension in ("e", "f"):
            leaves = stream.stream.subscribe("t", extension, BEFORE_ALL)
            leaving = asyncio.ensure_future(next_messages(leaves, 1))
            await stream.publish(make_event("one", extension_id=extension))
            assert await leaving == ["one"]
            await leaves.aclose()
        await stream.publish(make_event("two"))
        assert await staying == ["one", "two"]


async def test_without_readers_nothing_waits(redis: RedisProcess, make_event: MakeEvent) -> None:
    async with readable_stream(redis, keep=100) as stream:
        await stream.publish(make_event("one"))
        async with aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as events:
            assert await next_messages(events, 1) == ["one"]
        await until(lambda: "xread" not in connections(redis), lambda: connections(redis))


@pytest.mark.parametrize("store", ["redis", "file"])
async def test_a_reader_behind_the_ring_reads_from_the_store(
    request: pytest.FixtureRequest, tmp_path: Path, make_event: MakeEvent, store: str
) -> None:
    opened = tmp_path / "events.db" if store == "file" else request.getfixturevalue("redis")
    async with readable_stream(opened, keep=1_000, ring=5) as stream:
        await stream.publish(make_event("first"))
        async with (
            aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as slow,
            aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as fast,
        ):
            assert await next_messages(slow, 1) == await next_messages(fast, 1) == ["first"]
            await stream.publish(*(make_event(str(number)) for number in range(300)))
            expected = [str(number) for number in range(300)]
            assert await next_messages(fast, 300) == expected
            assert await next_messages(slow, 300) == expected


async def test_an_id_of_the_future_repeats_nothing(redis: RedisProcess, make_event: MakeEvent) -> None:
    async with readable_stream(redis, keep=100) as stream:
        await stream.publish(make_event("old"))
        async with aclosing(stream.stream.subscribe("t", "e", "999999999999999-0")) as events:
            assert (await anext(events))[0] == NOT_STORED
            late = asyncio.ensure_future(next_messages(events, 1))
            await stream.publish(make_event("new"))
            async with aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as others:
                assert await next_messages(others, 2) == ["old", "new"]
            assert not late.done()
            late.cancel()
            await asyncio.wait({late})


async def test_an_outage_ends_every_reader_and_a_new_one_continues(tmp_path: Path, make_event: MakeEvent) -> None:
    with redis_process(tmp_path) as redis:
        async with readable_stream(redis, keep=10) as stream:
            readers = [stream.stream.subscribe("t", extension, BEFORE_ALL) for extension in ("e", "e", "f")]
            waiting = [asyncio.ensure_future(next_messages(events, 1)) for events in readers]
            await until(lambda: "xread" in connections(redis))
            redis.stop()
            for outcome in await asyncio.gather(*waiting, return_exceptions=True):
                assert isinstance(outcome, StreamUnavailable)
            redis.start()
            await stream.publish(make_event("after"))
            async with aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as events:
                assert await next_messages(events, 1) == ["after"]


async def test_the_end_of_the_gateway_ends_its_readers(redis: RedisProcess) -> None:
    async with readable_stream(redis, keep=10) as stream:
        waiting = asyncio.ensure_future(next_messages(stream.stream.subscribe("t", "e", BEFORE_ALL), 1))
        await until(lambda: "xread" in connections(redis))
    with pytest.raises(StreamUnavailable):
        await waiting


async def test_entries_of_another_tenant_do_not_stop_the_reader(redis: RedisProcess, make_event: MakeEvent) -> None:
    async with readable_stream(redis, keep=1_000) as stream, aclosing(stream.stream.subscribe("t", "e", BEFORE_ALL)) as events:
        waiting = asyncio.ensure_future(next_messages(events, 2))
        await stream.publish(make_event("one"))
        with redis.client() as client:
            for number in range(150):
                client.xadd("ext-debug:t:e", {"tenant": "other", "extension": "e", "message": str(number)})
        await stream.publish(make_event("two"))
        assert await waiting == ["one", "two"]


async def test_a_tail_of_nothing_reads_nothing(redis: RedisProcess) -> None:
    async with readable_stream(redis, keep=10) as stream:
        assert await stream.stream.tail("t", "e", 0) == []


def reads(stream: ReadableStream) -> asyncio.Future[list[str]]:
    return asyncio.ensure_future(next_messages(stream.stream.subscribe("t", "e", BEFORE_ALL), 1))


async def test_two_gateways_read_what_either_publishes(tmp_path: Path, make_event: MakeEvent) -> None:
    path = tmp_path / "events.db"
    async with readable_stream(path, keep=100) as one, readable_stream(path, keep=100) as two:
        waiting = [reads(one), reads(two)]
        await one.publish(make_event("of the first"))
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            assert await asyncio.gather(*waiting) == [["of the first"]] * 2
