"""The events that runners write to Redis, as the gateway reads them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Collection, Mapping
from contextlib import suppress
from typing import Any

import structlog

from holdfast.events.model.store import StreamKey
from holdfast.events.model.stream import BEFORE_ALL, Entry, StreamUnavailable
from holdfast.events.redis.fields import from_fields, stream_key
from holdfast.events.redis.server import FAILURES, RedisServer, reason

_log = structlog.get_logger(__name__)

CONNECTIONS = 4

_ID = re.compile(r"[0-9]{1,18}-[0-9]{1,18}")
_Raw = list[tuple[str, dict[str, str]]]


class RedisStore:
    """An `EventStore` in Redis. Ids are those of Redis, `milliseconds-number`.

    One connection waits for events of all streams; other commands use at most `CONNECTIONS` more.
    """

    def __init__(self, server: RedisServer, *, prefix: str, block_seconds: float = 5.0) -> None:
        """`block_seconds` is how long one read waits for an event. Does not connect."""
        self._address = str(server)
        self._prefix = prefix
        self._block_ms = int(block_seconds * 1_000)
        self._commands = server.client(connections=CONNECTIONS)
        # The client raises an error when all its connections are in use: wait for one instead.
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._blocking = server.client(connections=1, block_seconds=block_seconds)
        self._is_unavailable = False

    def is_id(self, text: str) -> bool:
        """Whether `text` is an id of Redis, or `0`."""
        return text == BEFORE_ALL or (len(text) <= 37 and _ID.fullmatch(text) is not None)

    def order_of(self, event_id: str) -> tuple[int, ...]:
        """Both numbers of the id: as text, `9-0` would come after `10-0`."""
        milliseconds, _, number = event_id.partition("-")
        return int(milliseconds), int(number or 0)

    async def tail(self, key: StreamKey, count: int) -> list[Entry]:
        """The last `count` events of one stream, oldest first. Raises StreamUnavailable."""
        async with self._free:
            raw: _Raw = await self._run(self._commands.xrevrange(self._name(key), count=count))
        return _entries(raw[::-1])

    async def read_from(self, key: StreamKey, event_id: str, count: int) -> list[Entry]:
        """The event with this id, and at most `count` after it. Raises StreamUnavailable."""
        start = "-" if event_id == BEFORE_ALL else event_id
        async with self._free:
            raw: _Raw = await self._run(self._commands.xrange(self._name(key), start, "+", count + 1))
        return _entries(raw)

    async def wait(self, positions: Mapping[StreamKey, str]) -> Collection[StreamKey]:
        """Waits for events of any of these streams. Raises StreamUnavailable."""
        names = {self._name(key): key for key in positions}
        read = await self._run(
            self._blocking.xread({self._name(key): position for key, position in positions.items()}, count=1, block=self._block_ms)
        )
        return [names[name] for name, _ in read or ()]

    async def close(self) -> None:
        """Closes its connections."""
        for client in (self._commands, self._blocking):
            with suppress(*FAILURES):
                await client.aclose()

    def _name(self, key: StreamKey) -> str:
        return stream_key(self._prefix, *key)

    async def _run(self, command: Awaitable[Any] | Any) -> Any:
        try:
            reply = await command
        except FAILURES as failure:
            if not self._is_unavailable:
                _log.warning("debug stream cannot be read from Redis", address=self._address, reason=reason(failure))
            self._is_unavailable = True
            raise StreamUnavailable(
                f"The debug stream cannot be read: Redis does not respond correctly ({reason(failure)}).",
                hint="Calls still run; the stream continues when Redis is available again.",
            ) from None
        self._is_unavailable = False
        return reply


def _entries(raw: _Raw) -> list[Entry]:
    return [(event_id, from_fields(fields)) for event_id, fields in raw]
