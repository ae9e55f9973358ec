"""A store of debug events that several processes use, as `StoredStream` reads it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from holdfast.events.model.stream import Entry

StreamKey = tuple[str, str]
"""Tenant and extension, in lower case."""


class EventStore(Protocol):
    """Stored events of many streams. A stream may hold events that name another tenant or extension. Reading raises StreamUnavailable."""

    def is_id(self, text: str) -> bool:
        """Whether `text` can be an id, or is `BEFORE_ALL`. Pass only such text to the methods below."""

    def order_of(self, event_id: str) -> tuple[int, ...]:
        """A value that is greater for later events of a stream."""

    async def tail(self, key: StreamKey, count: int) -> list[Entry]:
        """The last `count` events (at least 1), oldest first."""

    async def read_from(self, key: StreamKey, event_id: str, count: int) -> list[Entry]:
        """The event with this id if it is still stored, and the first `count` events after it, oldest first."""

    async def wait(self, positions: Mapping[StreamKey, str]) -> Collection[StreamKey]:
        """Waits until some of these streams have events after their position; returns those streams, or none after some seconds."""

    async def close(self) -> None:
        """Closes its connections."""
