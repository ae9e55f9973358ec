"""The debug stream in the memory of one process: the last events of every extension."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator
from itertools import count

from holdfast.contract.debug_event import DebugEvent
from holdfast.events.model.event import notice
from holdfast.events.model.stream import NOT_STORED, Entry

_Key = tuple[str, str]

EVENT_OVERHEAD_BYTES = 512
"""Rough memory of an event without its message: the object, its ids and its entry in the ring."""

SLOW_READER = "Some events are missing here: they arrived faster than they were read."


class _Ring:
    """The last events of one stream. `dropped_through` is the id of the newest dropped event."""

    __slots__ = ("dropped_through", "entries", "size")

    def __init__(self) -> None:
        self.entries: deque[tuple[int, DebugEvent]] = deque()
        self.size = 0
        self.dropped_through = 0

    def push(self, event_id: int, event: DebugEvent, max_events: int, max_bytes: int) -> int:
        """Adds an event and drops the oldest above the limits. Returns by how many bytes the ring grew (negative if it shrank)."""
        before = self.size
        self.entries.append((event_id, event))
        self.size += _cost(event)
        while len(self.entries) > 1 and (len(self.entries) > max_events or self.size > max_bytes):
            dropped_id, dropped = self.entries.popleft()
            self.size -= _cost(dropped)
            self.dropped_through = dropped_id
        return self.size - before

    def after(self, event_id: int) -> list[tuple[int, DebugEvent]]:
        """The events newer than `event_id`, oldest first; takes time in proportion to the result, not to the ring."""
        newer: list[tuple[int, DebugEvent]] = []
        for entry in reversed(self.entries):
            if entry[0] <= event_id:
                break
            newer.append(entry)
        newer.reverse()
        return newer


class MemoryStream:
    """An `EventStream` in this process's memory.

    Ids are numbers that increase over all streams of the process, and over restarts: they start at the current time in microseconds.
    Everything runs in the event loop's thread; `publish` only appends and wakes readers.
    """

    def __init__(
        self,
        *,
        max_events: int = 2_000,
        max_streams: int = 1_000,
        max_stream_bytes: int = 2 * 1024 * 1024,
        max_bytes: int = 256 * 1024 * 1024,
        first_id: int | None = None,
    ) -> None:
        """`max_events` and `max_stream_bytes` limit one stream, `max_streams` and `max_bytes` all streams together."""
        self._max_events = max_events
        self._max_streams = max_streams
        self._max_stream_bytes = max_stream_bytes
        self._max_bytes = max_bytes
        self._ids = count(first_id if first_id is not None else time.time_ns() // 1_000)
        self._rings: OrderedDict[_Key, _Ring] = OrderedDict()
        self._watchers: dict[_Key, set[asyncio.Event]] = {}
        # The last id of evicted streams that still have readers, so that a reader learns of the events it missed.
        self._evicted: dict[_Key, int] = {}
        self._size = 0

    def publish(self, event: DebugEvent) -> None:
        """Stores the event and wakes the readers of its stream. Evicts the streams written to least recently above the limits."""
        key = _key(event.tenant_id, event.extension_id)
        ring = self._rings.get(key)
        if ring is None:
            ring = self._rings[key] = _Ring()
            ring.dropped_through = self._evicted.pop(key, 0)
        self._rings.move_to_end(key)
        self._size += ring.push(next(self._ids), event, self._max_events, self._max_stream_bytes)
        while len(self._rings) > 1 and (len(self._rings) > self._max_streams or self._size > self._max_bytes):
            self._evict()
        for watcher in self._watchers.get(key, ()):
            watcher.set()

    def is_id(self, text: str) -> bool:
        """Whether `text` is a number that can be an id, or `0`."""
        return text.isascii() and text.isdecimal() and len(text) <= 18

    async def tail(self, tenant_id: str, extension_id: str, count: int) -> list[Entry]:
        """The last `count` events of one stream, oldest first."""
        ring = self._rings.get(_key(tenant_id, extension_id))
        if ring is None or count <= 0:
            return []
        entries = ring.entries
        return _with_text_ids([entries[index] for index in range(max(0, len(entries) - count), len(entries))])

    async def after(self, tenant_id: str, extension_id: str, after_id: str, count: int) -> list[Entry]:
        """The first `count` stored events of one stream after `after_id`, oldest first."""
        ring = self._rings.get(_key(tenant_id, extension_id))
        return [] if ring is None else _with_text_ids(ring.after(int(after_id))[:count])

    async def subscribe(self, tenant_id: str, extension_id: str, after_id: str) -> AsyncGenerator[Entry, None]:
        """Yields every event of one stream after `after_id`, stored ones first, then new ones as they come; see `EventStream`."""
        key = _key(tenant_id, extension_id)
        wake = asyncio.Event()
        self._watchers.setdefault(key, set()).add(wake)
        cursor = int(after_id)
        try:
            while True:
                wake.clear()
                ring = self._rings.get(key)
                if ring is not None:
                    if 0 < cursor < ring.dropped_through:
                        cursor = ring.dropped_through
                        yield NOT_STORED, notice(tenant_id, extension_id, SLOW_READER)
                    for event_id, event in ring.after(cursor):
                        cursor = event_id
                        yield str(event_id), event
                await wake.wait()
        finally:
            watchers = self._watchers[key]
            watchers.discard(wake)
            if not watchers:
                del self._watchers[key]
                self._evicted.pop(key, None)

    def _evict(self) -> None:
        key, ring = self._rings.popitem(last=False)
        self._size -= ring.size
        if key in self._watchers:
            self._evicted[key] = ring.entries[-1][0]


def _key(tenant_id: str, extension_id: str) -> _Key:
    return tenant_id.lower(), extension_id.lower()


def _cost(event: DebugEvent) -> int:
    return EVENT_OVERHEAD_BYTES + 4 * len(event.message)


def _with_text_ids(entries: list[tuple[int, DebugEvent]]) -> list[Entry]:
    return [(str(event_id), event) for event_id, event in entries]
