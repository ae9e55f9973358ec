"""Opens the debug stream of the settings: in Redis, in a file that gateway processes share, or in the memory of this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from holdfast.events.memory import MemoryStream
from holdfast.events.model.event import EventSink
from holdfast.events.model.stream import EventStream
from holdfast.settings import SecretStr, Settings

if TYPE_CHECKING:
    from holdfast.events.model.store import EventStore
    from holdfast.events.redis.server import RedisServer

EVENT_FILE = "debug-events.db"
FILE_SECONDS = 0.05
"""How long an event waits for others to be written with."""

# Redis and SQLite are imported on use: importing the client of Redis takes longer than most commands run, and runners need neither.


def configured_redis(settings: Settings) -> RedisServer | None:
    """The Redis server of RUNNER_DEBUG_REDIS_URL, or None if it is not set. Does not connect. Raises InvalidRedisUrl."""
    url = _text(settings.debug_redis_url)
    if url is None:
        return None
    from holdfast.events.redis.server import RedisServer

    return RedisServer(url, _text(settings.debug_redis_password))


@asynccontextmanager
async def open_redis_sink(settings: Settings, server: RedisServer) -> AsyncIterator[EventSink]:
    """A sink that writes to this server, which need not be available yet. Leaving the block sends what is queued."""
    from holdfast.events.redis.sink import RedisSink

    sink = RedisSink(server, prefix=settings.debug_redis_stream_prefix, maxlen=settings.debug_redis_maxlen)
    await sink.start()
    try:
        yield sink
    finally:
        await sink.close()


@asynccontextmanager
async def open_stream(settings: Settings) -> AsyncIterator[EventStream]:
    """The stream that the gateway reads from and publishes to. Raises InvalidRedisUrl."""
    server = configured_redis(settings)
    if server is not None:
        from holdfast.events.redis.store import RedisStore

        store = RedisStore(server, prefix=settings.debug_redis_stream_prefix)
        async with open_redis_sink(settings, server) as sink, _stored(store, sink) as stream:
            yield stream
    elif settings.gateway_workers_dir is not None:
        from holdfast.events.delivery.batching_sink import BatchingSink
        from holdfast.events.event_file import EventFile, EventFileTransport

        path = settings.gateway_workers_dir / EVENT_FILE
        # The transport first: it creates the tables.
        file_sink = BatchingSink(EventFileTransport(path), interval=FILE_SECONDS)
        await file_sink.start()
        try:
            async with _stored(EventFile(path), file_sink) as stream:
                yield stream
        finally:
            await file_sink.close()
    else:
        yield MemoryStream()


@asynccontextmanager
async def _stored(store: EventStore, sink: EventSink) -> AsyncIterator[EventStream]:
    from holdfast.events.stored_stream import StoredStream

    stream = StoredStream(store, sink)
    try:
        yield stream
    finally:
        await stream.close()


def _text(secret: SecretStr | None) -> str | None:
    return (secret.get_secret_value().strip() or None) if secret is not None else None
