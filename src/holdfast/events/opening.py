"""Opens the debug stream that the settings name: Redis, or this process's memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import SecretStr

from holdfast.events.event import EventSink
from holdfast.events.memory import MemoryStream
from holdfast.events.stream import EventStream
from holdfast.settings import Settings

if TYPE_CHECKING:
    from holdfast.events.redis_server import RedisServer

# Redis is imported where it is needed: its client takes longer to import than most commands to run.


def configured_redis(settings: Settings) -> RedisServer | None:
    """The Redis of RUNNER_DEBUG_REDIS_URL, None where it is not set. Connects nowhere. Raises RedisUrlUnusable."""
    url = _text(settings.debug_redis_url)
    if url is None:
        return None
    from holdfast.events.redis_server import RedisServer

    return RedisServer(url, _text(settings.debug_redis_password))


@asynccontextmanager
async def open_redis_sink(settings: Settings, server: RedisServer) -> AsyncIterator[EventSink]:
    """What writes to the Redis of the settings, whether it is there at the moment or not. Leaving the block sends what is queued."""
    from holdfast.events.redis_sink import RedisSink

    sink = RedisSink(server, prefix=settings.debug_redis_stream_prefix, maxlen=settings.debug_redis_maxlen)
    await sink.start()
    try:
        yield sink
    finally:
        await sink.close()


@asynccontextmanager
async def open_stream(settings: Settings) -> AsyncIterator[EventStream]:
    """The stream that the gateway reads from and publishes to. Raises RedisUrlUnusable."""
    server = configured_redis(settings)
    if server is None:
        yield MemoryStream()
        return
    from holdfast.events.redis_stream import RedisStream

    async with open_redis_sink(settings, server) as sink:
        stream = RedisStream(server, sink, prefix=settings.debug_redis_stream_prefix)
        try:
            yield stream
        finally:
            await stream.close()


def _text(secret: SecretStr | None) -> str | None:
    return (secret.get_secret_value().strip() or None) if secret is not None else None
