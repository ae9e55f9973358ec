"""Follows the stream of one extension for one reader, also while what keeps it is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from holdfast.contract.debug_event import Level
from holdfast.events.event import notice
from holdfast.events.stream import BEFORE_ALL, NOT_KEPT, Entry, EventStream, StreamUnavailable


class Following:
    """One reader's way through a stream. An outage is told to the reader in a sentence, in an entry with the id `NOT_KEPT`, and so is its
    end; then it goes on where it was."""

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
        """Begins after `after_id`; with None, `tail` events from before are told. `retry_delays` are seconds, the last one for ever."""
        self._stream = stream
        self._tenant_id = tenant_id
        self._extension_id = extension_id
        self._place = after_id
        self._tail = tail
        self._retry_delays = tuple(retry_delays)

    async def begin(self) -> list[Entry]:
        """Takes its place, so that everything from now on will be told, and gives the tail. An outage is left to `coming` to tell."""
        try:
            return await self._take_place()
        except StreamUnavailable:
            return []

    async def coming(self) -> AsyncGenerator[Entry, None]:
        """Yields what comes from that place on; never ends."""
        attempt = 0
        while True:
            try:
                for entry in await self._take_place():
                    yield entry
                if attempt:
                    await self._stream.tail(self._tenant_id, self._extension_id, 1)
                    attempt = 0
                    yield self._said("The debug stream goes on.", "info")
                assert self._place is not None
                async with aclosing(self._stream.subscribe(self._tenant_id, self._extension_id, self._place)) as events:
                    async for entry in events:
                        self._place = entry[0] or self._place
                        yield entry
            except StreamUnavailable as outage:
                if attempt == 0:
                    yield self._said(str(outage), "error")
                await asyncio.sleep(self._retry_delays[min(attempt, len(self._retry_delays) - 1)])
                attempt += 1

    async def _take_place(self) -> list[Entry]:
        if self._place is not None:
            return []
        newest = await self._stream.tail(self._tenant_id, self._extension_id, max(1, self._tail))
        self._place = newest[-1][0] if newest else BEFORE_ALL
        return newest if self._tail else []

    def _said(self, message: str, level: Level) -> Entry:
        return NOT_KEPT, notice(self._tenant_id, self._extension_id, message, level=level)
