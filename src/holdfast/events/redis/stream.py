"""The debug stream in Redis, as the gateway reads it."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable
from contextlib import suppress
from typing import Any

import structlog

from holdfast.contract.debug_event import DebugEvent
from holdfast.events.model.event import EventSink, notice
from holdfast.events.model.stream import BEFORE_ALL, NOT_STORED, Entry, StreamUnavailable
from holdfast.events.redis.fields import from_fields, stream_key
from holdfast.events.redis.server import FAILURES, RedisServer, reason

_log = structlog.get_logger(__name__)

READ_COUNT = 100
MAX_READERS = 500
"""Readers that wait for events at the same time; each uses a connection."""

EVENTS_MISSING = "Some events may be missing here: Redis removed them before they were read."

_ID = re.compile(r"[0-9]{1,18}-[0-9]{1,18}")
_Raw = list[tuple[str, dict[str, str]]]


class RedisStream:
    """An `EventStream` in Redis: reads what runners wrote, and publishes through a sink.

    Ids are those of Redis, `milliseconds-number`.
    """

    def __init__(self, server: RedisServer, sink: EventSink, *, prefix: str, block_seconds: float = 5.0) -> None:
        """`sink` writes to the same Redis; its creator closes it. `block_seconds` is how long one read waits for an event."""
        self._sink = sink
        self._address = str(server)
        self._prefix = prefix
        self._block_ms = int(block_seconds * 1_000)
        self._commands = server.client(connections=16)
        self._blocking = server.client(connections=MAX_READERS, block_seconds=block_seconds)
        self._is_unavailable = False

    def publish(self, event: DebugEvent) -> None:
        """Passes the event to the sink."""
        self._sink.publish(event)

    def is_id(self, text: str) -> bool:
        """Whether `text` is an id of Redis, or `0`."""
        return text == BEFORE_ALL or (len(text) <= 37 and _ID.fullmatch(text) is not None)

    async def tail(self, tenant_id: str, extension_id: str, count: int) -> list[Entry]:
        """The last `count` events of one stream, oldest first. Raises StreamUnavailable."""
        if count <= 0:
            return []
        raw: _Raw = await self._run(self._commands.xrevrange(self._key(tenant_id, extension_id), count=count))
        return _entries(raw[::-1], tenant_id, extension_id)

    async def after(self, tenant_id: str, extension_id: str, after_id: str, count: int) -> list[Entry]:
        """The first `count` stored events of one stream after `after_id`, oldest first. Raises StreamUnavailable."""
        raw = await self._range(self._key(tenant_id, extension_id), after_id, count)
        return _entries([entry for entry in raw if entry[0] != after_id][:count], tenant_id, extension_id)

    async def subscribe(self, tenant_id: str, extension_id: str, after_id: str) -> AsyncGenerator[Entry, None]:
        """Yields every event of one stream after `after_id`; see `EventStream`. Raises StreamUnavailable."""
        key = self._key(tenant_id, extension_id)
        cursor = after_id
        reported = BEFORE_ALL
        while True:
            raw = await self._range(key, cursor, READ_COUNT)
            if cursor != reported and (not raw or raw[0][0] != cursor):
                # Redis has removed the last entry read, so it may have removed the ones after it too.
                reported = cursor
                yield NOT_STORED, notice(tenant_id, extension_id, EVENTS_MISSING)
            fresh = [entry for entry in raw if entry[0] != cursor] or await self._wait(key, cursor)
            for entry in _entries(fresh, tenant_id, extension_id):
                yield entry
            if fresh:
                cursor = fresh[-1][0]

    async def close(self) -> None:
        """Closes its connections, also those of waiting readers."""
        for client in (self._commands, self._blocking):
            with suppress(*FAILURES):
                await client.aclose()

    def _key(self, tenant_id: str, extension_id: str) -> str:
        return stream_key(self._prefix, tenant_id, extension_id)

    async def _range(self, key: str, from_id: str, count: int) -> _Raw:
        """`count` + 1 entries from `from_id` on, including that one if Redis still has it."""
        raw: _Raw = await self._run(self._commands.xrange(key, "-" if from_id == BEFORE_ALL else from_id, "+", count + 1))
        return raw

    async def _wait(self, key: str, cursor: str) -> _Raw:
        """Waits for entries after `cursor`. Returns none when none arrive in time."""
        read = await self._run(self._blocking.xread({key: cursor}, count=READ_COUNT, block=self._block_ms))
        return [] if not read else read[0][1]

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


def _entries(raw: _Raw, tenant_id: str, extension_id: str) -> list[Entry]:
    """The events of this tenant and extension. The key names them; entries that name others are left out."""
    named = [(event_id, from_fields(fields)) for event_id, fields in raw]
    return [(event_id, event) for event_id, event in named if _belongs(event, tenant_id, extension_id)]


def _belongs(event: DebugEvent, tenant_id: str, extension_id: str) -> bool:
    return event.tenant_id.lower() == tenant_id.lower() and event.extension_id.lower() == extension_id.lower()
