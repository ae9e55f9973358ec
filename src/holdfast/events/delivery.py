"""Brings the events of a process to where they are kept, in batches, without ever keeping a call waiting."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from holdfast.contract.debug_event import DebugEvent
from holdfast.events.event import notice

logger = logging.getLogger(__name__)

MAX_LOSS_STREAMS = 1_000


class NotTaken(Exception):
    """A batch did not arrive, or not surely; a later attempt may succeed. The text says why, without addresses or secrets."""


class NeverTaken(Exception):
    """The same batch would be refused however often it is sent. The text says why."""


class Transport(Protocol):
    """The way to where events are kept.

    `name` stands in sentences, also in those that tenants read (`the gateway`, `Redis`); `address` in the log, without credentials.
    """

    name: str
    address: str

    async def send(self, events: list[DebugEvent]) -> None:
        """Brings a batch there, in bounded time. Raises NotTaken or NeverTaken; anything else counts as NotTaken."""

    async def close(self) -> None:
        """Lets go of connections, in bounded time."""


class DeliveringSink:
    """An `EventSink` that hands events to a `Transport` from a task of its own.

    A batch leaves when it is full or `interval` seconds old. While nobody takes events, they wait in a queue of bounded length; the
    oldest go first, and each stream that lost some is told how many. Delivery is at least once: a batch is sent again when it is not
    known to have arrived.
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
    ) -> None:
        """Times are seconds. The last of `retry_delays` is used for every further attempt. `close_limit` bounds the flush in `close`."""
        self._transport = transport
        self._max_queue = max_queue
        self._batch_size = batch_size
        self._interval = interval
        self._retry_delays = tuple(retry_delays)
        self._close_limit = close_limit
        self._queue: deque[DebugEvent] = deque()
        self._lost: dict[tuple[str, str], int] = {}
        self._pending = asyncio.Event()
        self._full = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.on_loss: Callable[[], None] | None = None
        """Called for every event that is dropped because the queue is full."""

    def publish(self, event: DebugEvent) -> None:
        """Queues the event; drops the oldest one when the queue is full. After `close` it drops the event."""
        if self._closing.is_set():
            return
        if len(self._queue) >= self._max_queue:
            self._count_loss(self._queue.popleft())
        self._queue.append(event)
        self._pending.set()
        if len(self._queue) >= self._batch_size:
            self._full.set()

    async def start(self) -> None:
        """Begins to deliver; whether anybody is there to take events does not matter. What was published before is kept."""
        if self._task is None:
            self._task = asyncio.create_task(self._deliver(), name="debug event delivery")

    async def close(self) -> None:
        """Sends what is queued, for at most `close_limit` seconds, then stops. What could not be sent is dropped and logged."""
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
            logger.warning("%d debug events were not delivered before the end", len(self._queue))
            self._queue.clear()

    async def _deliver(self) -> None:
        while True:
            await self._pending.wait()
            if not self._closing.is_set():
                await _wait_at_most(self._full, self._interval)
            batch = self._next_batch()
            try:
                taken = not batch or await self._send(batch)
            except asyncio.CancelledError:
                self._queue.extendleft(reversed(batch))
                raise
            if not taken or (self._closing.is_set() and not self._queue):
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
        """Sends one batch, trying again until it is taken, refused for good, or the sink closes (False: the batch was given up)."""
        way = self._transport
        attempt = 0
        while True:
            # Read before the attempt: a sink that closes during it still gets one attempt of its own.
            last = self._closing.is_set()
            try:
                await way.send(batch)
            except NeverTaken as refusal:
                logger.error("%s refused a batch of %d debug events (%s)", way.address, len(batch), refusal)
                return True
            except Exception as error:  # whatever goes wrong, delivery goes on
                problem = str(error) if isinstance(error, NotTaken) else type(error).__name__
            else:
                if attempt:
                    logger.info("%s takes debug events again", way.address)
                return True
            if last:
                self._queue.extendleft(reversed(batch))
                return False
            if attempt == 0:
                logger.warning("%s does not take debug events (%s); trying again until it does", way.address, problem)
            delay = self._retry_delays[min(attempt, len(self._retry_delays) - 1)]
            attempt += 1
            await _wait_at_most(self._closing, delay)

    def _count_loss(self, event: DebugEvent) -> None:
        if self.on_loss is not None:
            self.on_loss()
        key = (event.tenant_id, event.extension_id)
        if key in self._lost or len(self._lost) < MAX_LOSS_STREAMS:
            self._lost[key] = self._lost.get(key, 0) + 1

    def _loss_event(self, tenant_id: str, extension_id: str, lost: int) -> DebugEvent:
        took = f"they came faster than {self._transport.name} took them"
        return notice(tenant_id, extension_id, f"{lost} debug events were dropped here: {took}.")


async def _wait_at_most(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
