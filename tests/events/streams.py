"""A debug stream in memory, in a file or in Redis, so that the same tests run on all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.contract.debug_event import DebugEvent
from holdfast.events import EventStream, MemoryStream
from holdfast.events.delivery.batching_sink import BatchingSink
from holdfast.events.event_file import EventFile, EventFileTransport
from holdfast.events.model.stream import Entry
from holdfast.events.redis.server import TIMEOUT_SECONDS, RedisServer
from holdfast.events.redis.sink import RedisSink
from holdfast.events.redis.store import RedisStore
from holdfast.events.stored_stream import StoredStream
from tests.events.redis_process import RedisProcess
from tests.waiting import MAX_WAIT_SECONDS

PREFIX = "ext-debug:"


def sink_for(
    redis: RedisProcess,
    *,
    prefix: str = PREFIX,
    maxlen: int = 2_000,
    password: str | None = None,
    reply_seconds: float = TIMEOUT_SECONDS,
    **delivery: Any,
) -> RedisSink:
    """A sink that sends at once and retries at once. Redis has `reply_seconds` to reply."""
    settings: dict[str, Any] = {"interval": 0, "retry_delays": (0.01,), **delivery}
    return RedisSink(RedisServer(redis.url, password, timeout=reply_seconds), prefix=prefix, maxlen=maxlen, **settings)


async def until_stored(redis: RedisProcess, key: str, number: int, *, password: str | None = None) -> None:
    """Waits until a stream has this many entries."""
    with redis.client(password) as client:
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            while client.xlen(key) < number:
                await asyncio.sleep(0.002)


@dataclass
class ReadableStream:
    """A stream that tests publish to and read from."""

    stream: EventStream
    redis: RedisProcess | None = None
    file: EventFile | None = None
    _marks: int = 0

    async def publish(self, *events: DebugEvent) -> None:
        """Publishes and waits until the events can be read."""
        for event in events:
            self.stream.publish(event)
        if self.redis is not None:
            self._marks += 1
            mark = DebugEvent(ts=1, level="info", stream="host", tenant_id="mark", extension_id=str(self._marks), message="")
            self.stream.publish(mark)
            await until_stored(self.redis, f"{PREFIX}mark:{self._marks}", 1)
        elif self.file is not None:
            key = events[-1].tenant_id.lower(), events[-1].extension_id.lower()
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                while [event for _, event in await self.file.tail(key, 1)] != [events[-1]]:
                    await asyncio.sleep(0.002)


@asynccontextmanager
async def readable_stream(store: RedisProcess | Path | None, *, keep: int, ring: int | None = None) -> AsyncIterator[ReadableStream]:
    """A stream in Redis, in a file, or in memory if `store` is None, that stores `keep` events of each extension. `ring` is how many
    of them readers find in memory."""
    if store is None:
        yield ReadableStream(MemoryStream(max_events=keep))
    elif isinstance(store, Path):
        async with _stream_in_file(store, keep, ring or keep) as readable:
            yield readable
    else:
        async with _stream_in_redis(store, keep, ring or keep) as readable:
            yield readable


@asynccontextmanager
async def _stream_in_file(path: Path, keep: int, ring: int) -> AsyncIterator[ReadableStream]:
    sink = BatchingSink(EventFileTransport(path, max_events=keep), interval=0, retry_delays=(0.01,))
    file = EventFile(path, poll_seconds=0.002)
    stream = StoredStream(file, sink, ring_events=ring)
    await sink.start()
    try:
        yield ReadableStream(stream, file=file)
    finally:
        await stream.close()
        await sink.close()


@asynccontextmanager
async def _stream_in_redis(redis: RedisProcess, keep: int, ring: int) -> AsyncIterator[ReadableStream]:
    sink = sink_for(redis, maxlen=keep)
    stream = StoredStream(RedisStore(RedisServer(redis.url), prefix=PREFIX), sink, ring_events=ring)
    await sink.start()
    try:
        yield ReadableStream(stream, redis)
    finally:
        await stream.close()
        await sink.close()


def messages(entries: list[Entry]) -> list[str]:
    return [event.message for _, event in entries]


async def next_messages(events: AsyncIterator[Entry], number: int) -> list[str]:
    """The messages of the next entries."""
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        return [(await anext(events))[1].message for _ in range(number)]
