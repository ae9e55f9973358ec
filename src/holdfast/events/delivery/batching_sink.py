"""Sends the events of a process to another server in batches. Never makes a call wait.

    publish ──► queue (limited: drops the oldest and counts the loss per stream)
                   │  the delivery task, once a batch is full or `interval` has passed
                batch ── send ─┬─ ok ───────────────► next batch
                               ├─ DeliveryRejected ─► logged and dropped, next batch
                               ├─ NotOffered ───────► all dropped, also what is published in the next `missing_pause` seconds
                               └─ any other error ──► wait (`retry_delays`), send the same batch again
    close ──► one last attempt per batch, for at most `close_limit` seconds in total ──► what is left is dropped and logged

A batch leaves the queue before it is sent, and returns to its front when the task is cancelled or gives up. Delivery is at least once:
a batch whose arrival is unknown is sent again. Belongs to one event loop; there is one delivery task.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from holdfast.contract.debug_event import DebugEvent
from holdfast.events.model.event import notice

_log = structlog.get_logger(__name__)

MAX_LOSS_STREAMS = 1_000
"""Streams whose losses are counted at once; the losses of further streams are not reported."""


class DeliveryFailed(Exception):
    """Raised when a batch may not have arrived; a later attempt may succeed. The text says why, without addresses or secrets."""


class DeliveryRejected(Exception):
    """Raised when the receiver rejects a batch and would always reject it. The text says why."""


class NotOffered(Exception):
    """Raised when the receiver is another kind of server, which takes no events. The text says how it shows."""


class Transport(Protocol):
    """A connection to the server that stores events.

    `name` is for messages that tenants read (`the gateway`, `Redis`); `address`, without credentials, is for the log.
    """

    name: str
    address: str

    async def send(self, events: list[DebugEvent]) -> None:
        """Sends a batch, in limited time. Raises DeliveryFailed, DeliveryRejected or NotOffered; others count as DeliveryFailed."""

    async def close(self) -> None:
        """Closes the connections, in limited time."""


class BatchingSink:
    """An `EventSink` that sends events with a `Transport` from its own task.

    Sends a batch when it is full or `interval` seconds old. While the receiver is unavailable, events wait in a queue; when that is full,
    the oldest are dropped, and each affected stream later receives an event with the number of its losses. A receiver that takes no events
    is asked once, and then only now and then.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        max_queue: int = 4_000,
        batch_size: int = 100,
        interval: float = 0.1,
        retry_delays: Sequence[float] = (0.25, 0.5, 1, 2, 4),
        close_limit: float = 2.0,
        missing_pause: float = 600.0,
    ) -> None:
        """Times are seconds. The last of `retry_delays` repeats. `close_limit` limits the flush in `close`. `missing_pause` is how long
        events are dropped after a receiver responded that it takes none."""
        self._transport = transport
        self._max_queue = max_queue
        self._batch_size = batch_size
        self._interval = interval
        self._retry_delays = tuple(retry_delays)
        self._close_limit = close_limit
        self._missing_pause = missing_pause
        self._paused_until = 0.0
        self._is_missing_logged = False
        self._queue: deque[DebugEvent] = deque()
        self._lost: dict[tuple[str, str], int] = {}
        self._pending = asyncio.Event()
        self._full = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.on_loss: Callable[[], None] | None = None
        """Called for each event that is dropped because the queue is full."""

    @property
    def is_paused(self) -> bool:
        """Whether events are dropped because the receiver takes none."""
        return time.monotonic() < self._paused_until

    def publish(self, event: DebugEvent) -> None:
        """Queues the event, and drops the oldest one if the queue is full. Drops the event after `close`, and during a pause."""
        if self._closing.is_set() or (self._paused_until and self.is_paused):
            return
        if len(self._queue) >= self._max_queue:
            self._count_loss(self._queue.popleft())
        self._queue.append(event)
        self._pending.set()
        if len(self._queue) >= self._batch_size:
            self._full.set()

    async def start(self) -> None:
        """Starts to deliver, also what was published before. The receiver need not be available yet."""
        if self._task is None:
            self._task = asyncio.create_task(self._deliver(), name="debug event delivery")

    async def close(self) -> None:
        """Sends what is queued, for at most `close_limit` seconds, then stops. Drops and logs the rest."""
        self._closing.set()
        self._pending.set()
        self._full.set()
        if self._task is not None:
            task, self._task = self._task, None
            await asyncio.wait({task}, timeout=self._close_limit)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._transport.close()
        if self._queue:
            _log.warning("debug events not delivered before the end", count=len(self._queue))
            self._queue.clear()

    async def _deliver(self) -> None:
        while True:
            await self._pending.wait()
            if not self._closing.is_set():
                await _wait_at_most(self._full, self._interval)
            batch = self._next_batch()
            try:
                sent = not batch or await self._send(batch)
            except asyncio.CancelledError:
                self._queue.extendleft(reversed(batch))
                raise
            if not sent or (self._closing.is_set() and not self._queue):
                return

    def _next_batch(self) -> list[DebugEvent]:
        batch = [self._loss_event(tenant_id, extension_id, lost) for (tenant_id, extension_id), lost in self._lost.items()]
        self._lost.clear()
        batch += [self._queue.popleft() for _ in range(min(self._batch_size, len(self._queue)))]
        if not self._closing.is_set():
            if not self._queue:
                self._pending.clear()
            if len(self._queue) < self._batch_size:
                self._full.clear()
        return batch

    async def _send(self, batch: list[DebugEvent]) -> bool:
        """Sends one batch until it arrives or is rejected. Returns False if the sink closes first; the batch is back in the queue."""
        transport = self._transport
        attempt = 0
        while True:
            # Read before the attempt: if the sink closes during it, there is one more attempt.
            last = self._closing.is_set()
            try:
                await transport.send(batch)
            except NotOffered as missing:
                self._pause(str(missing))
                return True
            except DeliveryRejected as rejection:
                _log.error("batch of debug events rejected", receiver=transport.address, count=len(batch), reason=str(rejection))
                return True
            except Exception as error:  # no error may end the delivery
                problem = str(error) if isinstance(error, DeliveryFailed) else type(error).__name__
            else:
                self._is_missing_logged = False
                if attempt:
                    _log.info("debug events are delivered again", receiver=transport.address)
                return True
            if last:
                self._queue.extendleft(reversed(batch))
                return False
            if attempt == 0:
                _log.warning("debug events cannot be delivered, retrying", receiver=transport.address, reason=problem)
            delay = self._retry_delays[min(attempt, len(self._retry_delays) - 1)]
            attempt += 1
            await _wait_at_most(self._closing, delay)

    def _pause(self, reason: str) -> None:
        self._paused_until = time.monotonic() + self._missing_pause
        self._queue.clear()
        self._lost.clear()
        if not self._is_missing_logged:
            self._is_missing_logged = True
            _log.warning(
                "the receiver takes no debug events, they are dropped",
                receiver=self._transport.address,
                reason=reason,
                asked_again_after_seconds=self._missing_pause,
            )

    def _count_loss(self, event: DebugEvent) -> None:
        if self.on_loss is not None:
            self.on_loss()
        key = (event.tenant_id, event.extension_id)
        if key in self._lost or len(self._lost) < MAX_LOSS_STREAMS:
            self._lost[key] = self._lost.get(key, 0) + 1

    def _loss_event(self, tenant_id: str, extension_id: str, lost: int) -> DebugEvent:
        message = f"{lost} debug events were dropped here: {self._transport.name} accepted them too slowly."
        return notice(tenant_id, extension_id, message)


async def _wait_at_most(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
