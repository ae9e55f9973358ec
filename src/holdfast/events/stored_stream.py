"""A debug stream whose events other processes write too, in a store such as Redis. One task reads it for all readers of this process.

    subscribe ──► follow the stream ──► read what is stored after `after_id` ─┐
                        │                                                     ▼
                        │            ┌───────────────── live: take from the ring, wait for the task ◄──┐
                        ▼            ▼                                          │                      │ read up to the ring
    the task:  wait in the store for new events of all followed streams ─► ring of each stream         │
                        │                                                       └─ reader is behind it ┘
                        └─ the store fails: all readers get StreamUnavailable, the task ends, the next `subscribe` starts it again

A ring has the newest events that the task has read, and is bounded. A reader has no buffer, only a position: a slow one falls behind the
ring, and reads from the store again. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Collection

import structlog

from holdfast.contract.debug_event import DebugEvent
from holdfast.events.model.event import EventSink, notice
from holdfast.events.model.store import EventStore, StreamKey
from holdfast.events.model.stream import BEFORE_ALL, NOT_STORED, Entry, StreamUnavailable

_log = structlog.get_logger(__name__)

READ_COUNT = 100
CANCEL_SECONDS = 0.02
RING_EVENTS = 1_000
RING_CHARACTERS = 1_000_000

EVENTS_MISSING = "Some events may be missing here: they were removed before they were read."


class StoredStream:
    """An `EventStream` on an `EventStore`. Publishes through a sink that writes to the same store; its creator closes the sink."""

    def __init__(self, store: EventStore, sink: EventSink, *, ring_events: int = RING_EVENTS) -> None:
        self._store = store
        self._sink = sink
        self._ring_events = ring_events
        self._followed: dict[StreamKey, _Followed] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def publish(self, event: DebugEvent) -> None:
        """Passes the event to the sink."""
        self._sink.publish(event)

    def is_id(self, text: str) -> bool:
        """Whether `text` is an id of the store, or `0`."""
        return self._store.is_id(text)

    async def tail(self, tenant_id: str, extension_id: str, count: int) -> list[Entry]:
        """The last `count` events of one stream, oldest first. Raises StreamUnavailable."""
        key = _key(tenant_id, extension_id)
        return [entry for entry in await self._store.tail(key, count) if _belongs(entry, key)] if count > 0 else []

    async def after(self, tenant_id: str, extension_id: str, after_id: str, count: int) -> list[Entry]:
        """The first `count` stored events of one stream after `after_id`, oldest first. Raises StreamUnavailable."""
        key = _key(tenant_id, extension_id)
        found = await self._store.read_from(key, after_id, count)
        return [entry for entry in found if entry[0] != after_id and _belongs(entry, key)][:count]

    async def subscribe(self, tenant_id: str, extension_id: str, after_id: str) -> AsyncGenerator[Entry, None]:
        """Yields every event of one stream after `after_id`; see `EventStream`. Raises StreamUnavailable."""
        key, order_of = _key(tenant_id, extension_id), self._store.order_of
        wake = asyncio.Event()
        followed = self._follow(key, wake)
        cursor, is_checked = after_id, False
        missing = NOT_STORED, notice(tenant_id, extension_id, EVENTS_MISSING)
        try:
            while followed.floor is None:
                await self._wait(followed, wake)
            while True:
                wake.clear()
                if not is_checked or order_of(cursor) < order_of(followed.floor):
                    found = await self._store.read_from(key, cursor, READ_COUNT)
                    # The store has removed the last event read, so it may have removed those after it too.
                    if cursor != BEFORE_ALL and (not found or found[0][0] != cursor):
                        yield missing
                    fresh = [entry for entry in found if entry[0] != cursor]
                    for entry in fresh:
                        cursor = entry[0]
                        if _belongs(entry, key):
                            yield entry
                    if not fresh and order_of(cursor) < order_of(followed.floor):
                        cursor = followed.floor
                    is_checked = True
                    continue
                for follows_gap, entry in followed.after(order_of(cursor)):
                    if follows_gap:
                        yield missing
                    cursor = entry[0]
                    if _belongs(entry, key):
                        yield entry
                await self._wait(followed, wake)
        finally:
            self._unfollow(key, followed, wake)

    async def close(self) -> None:
        """Ends the readers, and closes the store."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._fail(StreamUnavailable("The debug stream ends: the gateway stops."))
        await self._store.close()

    @staticmethod
    async def _wait(followed: _Followed, wake: asyncio.Event) -> None:
        await wake.wait()
        wake.clear()
        if followed.failure is not None:
            raise StreamUnavailable(followed.failure.message, hint=followed.failure.hint)

    def _follow(self, key: StreamKey, wake: asyncio.Event) -> _Followed:
        followed = self._followed.get(key)
        if followed is None:
            followed = self._followed[key] = _Followed(self._store, self._ring_events)
            self._changed.set()
        followed.readers.add(wake)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._read(), name="debug stream reader")
        return followed

    def _unfollow(self, key: StreamKey, followed: _Followed, wake: asyncio.Event) -> None:
        followed.readers.discard(wake)
        if not followed.readers and self._followed.get(key) is followed:
            del self._followed[key]
            self._changed.set()

    async def _read(self) -> None:
        try:
            while self._followed:
                self._changed.clear()
                for key, followed in list(self._followed.items()):
                    if followed.floor is None:
                        newest = await self._store.tail(key, 1)
                        followed.begin(newest[-1][0] if newest else BEFORE_ALL)
                for key in await self._wait_for_events():
                    if (grown := self._followed.get(key)) is not None:
                        grown.push(await self._store.read_from(key, grown.position, READ_COUNT))
        except StreamUnavailable as failure:
            self._fail(failure)
        except Exception:  # no reader may wait forever for a task that ended
            _log.exception("debug_stream_reader_failed")
            self._fail(StreamUnavailable("The debug stream cannot be read.", hint="The log has the details."))

    async def _wait_for_events(self) -> Collection[StreamKey]:
        """The streams with new events; none when readers came or left: the caller then waits for other streams."""
        waiting = asyncio.ensure_future(self._store.wait({key: followed.position for key, followed in self._followed.items()}))
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({waiting, changed}, return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else ()
        finally:
            changed.cancel()
            # Repeated: the client of Redis loses a cancellation that comes while it takes a connection from its pool.
            while not waiting.done():
                waiting.cancel()
                await asyncio.wait({waiting}, timeout=CANCEL_SECONDS)

    def _fail(self, failure: StreamUnavailable) -> None:
        followed = list(self._followed.values())
        self._followed.clear()
        for one in followed:
            one.fail(failure)


class _Followed:
    """A stream with readers. `position` is the last event that the task has read, `floor` the last one that is not in the ring any more;
    it is None before the task has begun with the stream."""

    def __init__(self, store: EventStore, ring_events: int) -> None:
        self._order_of = store.order_of
        self._ring_events = ring_events
        # Whether events may be missing before the entry, and the entry.
        self._ring: deque[tuple[bool, Entry]] = deque()
        self._characters = 0
        self.position = BEFORE_ALL
        self.floor: str | None = None
        self.readers: set[asyncio.Event] = set()
        self.failure: StreamUnavailable | None = None

    def begin(self, newest: str) -> None:
        """Starts after the event with this id."""
        self.position = self.floor = newest
        self._wake()

    def push(self, found: list[Entry]) -> None:
        """Adds what `EventStore.read_from` returned for `position`."""
        is_gap = self.position != BEFORE_ALL and (not found or found[0][0] != self.position)
        for entry in found:
            if entry[0] != self.position:
                self._ring.append((is_gap, entry))
                self._characters += len(entry[1].message)
                is_gap = False
        if found:
            self.position = found[-1][0]
        while len(self._ring) > self._ring_events or self._characters > RING_CHARACTERS:
            _, (self.floor, dropped) = self._ring.popleft()
            self._characters -= len(dropped.message)
        self._wake()

    def after(self, order: tuple[int, ...]) -> list[tuple[bool, Entry]]:
        """The events in the ring that are later; takes time in proportion to the result."""
        later: list[tuple[bool, Entry]] = []
        for item in reversed(self._ring):
            if self._order_of(item[1][0]) <= order:
                break
            later.append(item)
        later.reverse()
        return later

    def fail(self, failure: StreamUnavailable) -> None:
        """Ends the readers with this error."""
        self.failure = failure
        self._wake()

    def _wake(self) -> None:
        for reader in self.readers:
            reader.set()


def _key(tenant_id: str, extension_id: str) -> StreamKey:
    return tenant_id.lower(), extension_id.lower()


def _belongs(entry: Entry, key: StreamKey) -> bool:
    return _key(entry[1].tenant_id, entry[1].extension_id) == key
