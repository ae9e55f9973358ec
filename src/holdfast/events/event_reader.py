"""Reads the stream of one extension for one reader, through outages of its store.

start ──► position: `after_id`, or the newest event (returns the tail)
             │
entries ──► subscribe after the position ──► each entry moves the position
             ▲                                   │ StreamUnavailable
             │  "The debug stream continues."    ▼
             └──── store available ◄──── one error entry, then wait (`retry_delays`) and try again
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from holdfast.contract.debug_event import Level
from holdfast.events.model.event import notice
from holdfast.events.model.stream import BEFORE_ALL, NOT_STORED, Entry, EventStream, StreamUnavailable


class EventReader:
    """One reader of one stream. Reports the start and the end of an outage to the reader, in entries with the id `NOT_STORED`, and then
    continues from the same position."""

    def __init__(
        self,
        stream: EventStream,
        tenant_id: str,
        extension_id: str,
        *,
        after_id: str | None,
        tail: int,
        retry_delays: Sequence[float] = (0.5, 1, 2, 3),
    ) -> None:
        """Starts after `after_id`; with None, with the last `tail` events. `retry_delays` are seconds; the last one repeats."""
        self._stream = stream
        self._tenant_id = tenant_id
        self._extension_id = extension_id
        self._position = after_id
        self._tail = tail
        self._retry_delays = tuple(retry_delays)

    async def start(self) -> list[Entry]:
        """Sets the position: `entries` yields everything from now on. Returns the tail; nothing in an outage, which `entries` reports."""
        try:
            return await self._set_position()
        except StreamUnavailable:
            return []

    async def entries(self) -> AsyncGenerator[Entry, None]:
        """Yields the entries after the position; never ends."""
        attempt = 0
        while True:
            try:
                for entry in await self._set_position():
                    yield entry
                if attempt:
                    await self._stream.tail(self._tenant_id, self._extension_id, 1)
                    attempt = 0
                    yield self._notice("The debug stream continues.", "info")
                assert self._position is not None
                async with aclosing(self._stream.subscribe(self._tenant_id, self._extension_id, self._position)) as events:
                    async for entry in events:
                        self._position = entry[0] or self._position
                        yield entry
            except StreamUnavailable as outage:
                if attempt == 0:
                    yield self._notice(str(outage), "error")
                await asyncio.sleep(self._retry_delays[min(attempt, len(self._retry_delays) - 1)])
                attempt += 1

    async def _set_position(self) -> list[Entry]:
        if self._position is not None:
            return []
        newest = await self._stream.tail(self._tenant_id, self._extension_id, max(1, self._tail))
        self._position = newest[-1][0] if newest else BEFORE_ALL
        return newest if self._tail else []

    def _notice(self, message: str, level: Level) -> Entry:
        return NOT_STORED, notice(self._tenant_id, self._extension_id, message, level=level)
