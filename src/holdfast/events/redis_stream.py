"""The debug stream in Redis, as the gateway reads it."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, Awaitable
from contextlib import suppress
from typing import Any

from holdfast.contract.debug_event import DebugEvent
from holdfast.events.event import EventSink, notice
from holdfast.events.redis_fields import from_fields, stream_key
from holdfast.events.redis_server import FAILURES, RedisServer, reason
from holdfast.events.stream import BEFORE_ALL, NOT_KEPT, Entry, StreamUnavailable

logger = logging.getLogger(__name__)

READ_COUNT = 100
MAX_READERS = 500
"""Readers that wait for events at once; each keeps a connection."""

NOT_KEPT_LONG_ENOUGH = "Some events may be missing here: Redis did not keep them until they were read."

_ID = re.compile(r"[0-9]{1,18}-[0-9]{1,18}")
_Raw = list[tuple[str, dict[str, str]]]


class RedisStream:
    """An `EventStream` in Redis: reads what runners wrote there; what it is given to publish it hands to a sink.

    Ids are those of Redis, `milliseconds-number`.
    """

    def __init__(self, server: RedisServer, sink: EventSink, *, prefix: str, block_seconds: float = 5.0) -> None:
        """`sink` writes to the same Redis and belongs to who made it. `block_seconds` is how long one read waits for an event."""
        self._sink = sink
        self._address = str(server)
        self._prefix = prefix
        self._block_ms = int(block_seconds * 1_000)
        self._asking = server.client(connections=16)
        self._waiting = server.client(connections=MAX_READERS, waits=block_seconds)
        self._is_away = False

    def publish(self, event: DebugEvent) -> None:
        """Hands the event to the sink."""
        self._sink.publish(event)

    def is_id(self, text: str) -> bool:
        """Whether `text` is an id as Redis gives them, or `0`."""
        return text == BEFORE_ALL or (len(text) <= 37 and _ID.fullmatch(text) is not None)

    async def tail(self, tenant_id: str, extension_id: str, count: int) -> list[Entry]:
        """The last `count` events of one stream, oldest first. Raises StreamUnavailable."""
        if count <= 0:
            return []
        raw: _Raw = await self._answer(self._asking.xrevrange(self._key(tenant_id, extension_id), count=count))
        return _entries(raw[::-1], tenant_id, extension_id)

    async def after(self, tenant_id: str, extension_id: str, after_id: str, count: int) -> list[Entry]:
        """The first `count` kept events of one stream that came after `after_id`, oldest first. Raises StreamUnavailable."""
        raw = await self._range(self._key(tenant_id, extension_id), after_id, count)
        return _entries([entry for entry in raw if entry[0] != after_id][:count], tenant_id, extension_id)

    async def subscribe(self, tenant_id: str, extension_id: str, after_id: str) -> AsyncGenerator[Entry, None]:
        """Yields every event of one stream after `after_id`; see `EventStream`. Raises StreamUnavailable."""
        key = self._key(tenant_id, extension_id)
        cursor = after_id
        told = BEFORE_ALL
        while True:
            raw = await self._range(key, cursor, READ_COUNT)
            if cursor != told and (not raw or raw[0][0] != cursor):
                # The last one taken is not kept any more, so those behind it may be gone too.
                told = cursor
                yield NOT_KEPT, notice(tenant_id, extension_id, NOT_KEPT_LONG_ENOUGH)
            fresh = [entry for entry in raw if entry[0] != cursor] or await self._wait(key, cursor)
            for entry in _entries(fresh, tenant_id, extension_id):
                yield entry
            if fresh:
                cursor = fresh[-1][0]

    async def close(self) -> None:
        """Closes its connections, those of waiting readers too."""
        for client in (self._asking, self._waiting):
            with suppress(*FAILURES):
                await client.aclose()

    def _key(self, tenant_id: str, extension_id: str) -> str:
        return stream_key(self._prefix, tenant_id, extension_id)

    async def _range(self, key: str, from_id: str, count: int) -> _Raw:
        """Entries from `from_id` on, itself among them if it is kept: one more than `count`, to make up for it."""
        raw: _Raw = await self._answer(self._asking.xrange(key, "-" if from_id == BEFORE_ALL else from_id, "+", count + 1))
        return raw

    async def _wait(self, key: str, cursor: str) -> _Raw:
        """What comes after `cursor`; nothing when nothing came for a while."""
        read = await self._answer(self._waiting.xread({key: cursor}, count=READ_COUNT, block=self._block_ms))
        return [] if not read else read[0][1]

    async def _answer(self, command: Awaitable[Any] | Any) -> Any:
        try:
            answer = await command
        except FAILURES as failure:
            if not self._is_away:
                logger.warning("the debug stream cannot be read from Redis at %s (%s)", self._address, reason(failure))
            self._is_away = True
            raise StreamUnavailable(
                f"The debug stream cannot be read: Redis does not answer as it should ({reason(failure)}).",
                hint="Calls go on; the stream is shown again when Redis is back.",
            ) from None
        self._is_away = False
        return answer


def _entries(raw: _Raw, tenant_id: str, extension_id: str) -> list[Entry]:
    """The events of the one tenant and extension: the key says whose stream it is, the entry has to agree."""
    named = [(event_id, from_fields(fields)) for event_id, fields in raw]
    return [(event_id, event) for event_id, event in named if _belongs(event, tenant_id, extension_id)]


def _belongs(event: DebugEvent, tenant_id: str, extension_id: str) -> bool:
    return event.tenant_id.lower() == tenant_id.lower() and event.extension_id.lower() == extension_id.lower()
