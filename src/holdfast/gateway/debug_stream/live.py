"""A live stream as server-sent events, for one client.

counted ──► connected ──► stored tail sent ──► waiting ──(an event, or a heartbeat after 15 s)──► sent ──► waiting ...
                                                  │
    nothing taken from a full buffer for 10 s ────┴──► what it has, then the event `dropped` ──► closed; it may resume with its last id
    the process stops, or the client takes nothing for a minute ──► closed
    the client disconnects ──► wait cancelled ──► reader closed ──► no longer counted
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec
import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from holdfast.events.event_reader import EventReader
from holdfast.events.model.stream import NOT_STORED, Entry
from holdfast.gateway.debug_stream.selection import Selection, event_result
from holdfast.gateway.limits.open_streams import OpenStreams
from holdfast.gateway.services import Services

BUFFER_EVENTS = 1_000
BUFFER_BYTES = 1024 * 1024
PATIENCE_SECONDS = 10.0
"""How long a client may take nothing from a full buffer. A burst alone drops no one: the reader waits, and events stay in their store."""
SEND_SECONDS = 60.0
"""How long a client may take nothing at all from its connection."""

DROPPED = b'event: dropped\ndata: {"reason":"too_slow","message":"You read too slowly. Reconnect to continue after your last event."}\n\n'
"""The last event of a client that reads too slowly. It has no id, so the client resumes after the last event that it got."""

_log = structlog.get_logger(__name__)


async def event_frames(services: Services, selection: Selection, last_id: str | None) -> AsyncGenerator[bytes, None]:
    """The frames of the live stream: what came after `last_id` (None: the newest of what is stored), then new events.

    If no event comes for `services.heartbeat_seconds`, a comment keeps the connection open. The stream ends when the process stops, or
    the client reads too slowly; the client then resumes, at the successor of the process or here.
    """
    reader = EventReader(
        services.events, selection.tenant_id, selection.extension_id, after_id=last_id, tail=services.settings.debug_tail_count
    )
    tail = await reader.start()
    # Sent first, so that the browser reports the connection as open before any event happens.
    yield b": connected\n\n"
    for entry in tail:
        if selection.includes(entry):
            yield _frame(entry)
    buffer = FrameBuffer(reader, selection, max_events=BUFFER_EVENTS, max_bytes=BUFFER_BYTES, patience=PATIENCE_SECONDS)
    stopping = asyncio.ensure_future(services.stopping.wait())
    try:
        while True:
            waited: set[asyncio.Future[Any]] = {buffer.filled(), stopping}
            await asyncio.wait(waited, timeout=services.heartbeat_seconds, return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                return
            if (frame := buffer.next_frame()) is not None:
                yield frame
            elif buffer.is_abandoned:
                yield DROPPED
                return
            else:
                yield b": still here\n\n"
    finally:
        stopping.cancel()
        await buffer.close()


class FrameBuffer:
    """Reads events for one client ahead, up to `max_events` or `max_bytes`. If nothing is taken from it for `patience` seconds when it is
    full, it stops to read, and is abandoned."""

    def __init__(self, reader: EventReader, selection: Selection, *, max_events: int, max_bytes: int, patience: float) -> None:
        self.is_abandoned = False
        self._patience = patience
        self._taken = asyncio.Event()
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._waiting: asyncio.Task[Any] | None = None
        self._reading = asyncio.create_task(self._read(reader, selection), name="debug stream client")

    def filled(self) -> asyncio.Future[Any]:
        """Ends when there is a frame, or there will be none."""
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.ensure_future(self._filled.wait())
        return self._waiting

    def next_frame(self) -> bytes | None:
        """The oldest frame, if there is one. Raises what ended the reading."""
        if not self._frames:
            if self._reading.done() and not self.is_abandoned:
                self._reading.result()
            return None
        frame = self._frames.popleft()
        self._bytes -= len(frame)
        self._taken.set()
        if not self._frames and not self._reading.done():
            self._filled.clear()
        return frame

    async def close(self) -> None:
        """Stops reading."""
        tasks = {task for task in (self._reading, self._waiting) if task is not None}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _read(self, reader: EventReader, selection: Selection) -> None:
        try:
            async with aclosing(reader.entries()) as entries:
                async for entry in entries:
                    if selection.includes(entry):
                        if not await self._has_space():
                            self.is_abandoned = True
                            _log.warning("debug_stream_client_dropped", tenant=selection.tenant_id, reason="too_slow")
                            return
                        frame = _frame(entry)
                        self._frames.append(frame)
                        self._bytes += len(frame)
                        self._filled.set()
        finally:
            self._filled.set()

    async def _has_space(self) -> bool:
        """Waits for space, as long as the client takes something from time to time."""
        while len(self._frames) >= self._max_events or self._bytes >= self._max_bytes:
            self._taken.clear()
            try:
                async with asyncio.timeout(self._patience):
                    await self._taken.wait()
            except TimeoutError:
                return False
        return True


class LiveResponse(StreamingResponse):
    """Counts as an open stream of its tenant while it is sent."""

    def __init__(
        self, frames: AsyncGenerator[bytes, None], open_streams: OpenStreams, tenant_id: str, *, send_seconds: float = SEND_SECONDS
    ) -> None:
        headers = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no", "x-content-type-options": "nosniff"}
        super().__init__(frames, headers=headers, media_type="text/event-stream")
        self._frames = frames
        self._open_streams = open_streams
        self._tenant_id = tenant_id
        self._send_seconds = send_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_stuck = False

        async def send_in_time(message: Message) -> None:
            nonlocal is_stuck
            try:
                async with asyncio.timeout(self._send_seconds):
                    await send(message)
            except TimeoutError:
                is_stuck = True
                raise

        with self._open_streams.opened(self._tenant_id):
            try:
                await super().__call__(scope, receive, send_in_time)
            except (TimeoutError, ClientDisconnect):
                # Starlette takes the timeout for a disconnect. The server closes a connection whose response is incomplete.
                if not is_stuck:
                    raise
                _log.warning("debug_stream_client_dropped", tenant=self._tenant_id, reason="takes_nothing")
            finally:
                await self._frames.aclose()


def _frame(entry: Entry) -> bytes:
    data = b"data: %s\n\n" % msgspec.json.encode(event_result(entry))
    # Without an id the browser keeps the id of the previous event, and resumes from it.
    return data if entry[0] == NOT_STORED else b"id: %s\n%s" % (entry[0].encode("ascii"), data)
