"""Brings the events of a runner to the gateway in batches, without ever keeping a call waiting."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Sequence

import httpx2
import msgspec

from holdfast.events.event import DebugEvent, EventBatch

logger = logging.getLogger(__name__)

PATH = "/api/internal/ext-debug/events"

NEVER_ACCEPTED = frozenset({400, 413, 415, 422})
"""Statuses that the same batch would get again however often it is sent."""

MAX_LOSS_STREAMS = 1_000


class HttpSink:
    """An `EventSink` that posts batches to `{base_url}/api/internal/ext-debug/events` with the header `x-runner-auth`.

    A batch leaves when it is full or `interval` seconds old. While the gateway is away, events wait in a queue of bounded length; the
    oldest go first, and each stream that lost some is told how many. Delivery is at least once: a batch is sent again when it is not
    known to have arrived.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        max_queue: int = 4_000,
        batch_size: int = 100,
        interval: float = 0.1,
        retry_delays: Sequence[float] = (0.25, 0.5, 1, 2, 5, 10),
        close_limit: float = 2.0,
        timeout: float = 10.0,
    ) -> None:
        """Times are seconds. The last of `retry_delays` is used for every further attempt. `close_limit` bounds the flush in `close`."""
        self._url = base_url.rstrip("/") + PATH
        self._headers = {"x-runner-auth": token, "content-type": "application/json"}
        self._max_queue = max_queue
        self._batch_size = batch_size
        self._interval = interval
        self._retry_delays = tuple(retry_delays)
        self._close_limit = close_limit
        self._timeout = timeout
        self._queue: deque[DebugEvent] = deque()
        self._lost: dict[tuple[str, str], int] = {}
        self._pending = asyncio.Event()
        self._full = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

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
        """Begins to deliver. What was published before is kept."""
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
        if self._queue:
            logger.warning("%d debug events were not delivered before the end", len(self._queue))
            self._queue.clear()

    async def _deliver(self) -> None:
        # No environment proxies and no redirects: the token goes to the gateway and nowhere else.
        async with httpx2.AsyncClient(timeout=self._timeout, trust_env=False, follow_redirects=False) as client:
            while True:
                await self._pending.wait()
                if not self._closing.is_set():
                    await _wait_at_most(self._full, self._interval)
                batch = self._next_batch()
                if not await self._send(client, batch):
                    return
                if self._closing.is_set() and not self._queue:
                    return

    def _next_batch(self) -> list[DebugEvent]:
        batch = [_loss_event(tenant_id, extension_id, lost) for (tenant_id, extension_id), lost in self._lost.items()]
        self._lost.clear()
        batch += [self._queue.popleft() for _ in range(min(self._batch_size, len(self._queue)))]
        if not self._closing.is_set():
            if not self._queue:
                self._pending.clear()
            if len(self._queue) < self._batch_size:
                self._full.clear()
        return batch

    async def _send(self, client: httpx2.AsyncClient, batch: list[DebugEvent]) -> bool:
        """Sends one batch, trying again until it is taken, refused for good, or the sink closes (False: the batch was given up)."""
        if not batch:
            return True
        try:
            body = msgspec.json.encode(EventBatch(batch))
        except UnicodeEncodeError:
            # An id with a lone surrogate, which JSON cannot carry. One such event must not end the delivery of all others.
            logger.exception("a batch of %d debug events cannot be encoded", len(batch))
            return True
        attempt = 0
        while True:
            # Read before the attempt: a sink that closes during it still gets one attempt of its own.
            last = self._closing.is_set()
            problem = await self._post(client, body)
            if problem is None:
                return True
            if problem in NEVER_ACCEPTED:
                logger.error("the gateway refused a batch of %d debug events with status %s", len(batch), problem)
                return True
            if last:
                self._queue.extendleft(reversed(batch))
                return False
            if attempt == 0:
                logger.warning("the gateway does not take debug events (%s); trying again", problem)
            delay = self._retry_delays[min(attempt, len(self._retry_delays) - 1)]
            attempt += 1
            await _wait_at_most(self._closing, delay)

    async def _post(self, client: httpx2.AsyncClient, body: bytes) -> int | str | None:
        """None when the batch was taken, else the status, or the kind of transport failure."""
        try:
            response = await client.post(self._url, content=body, headers=self._headers)
        except Exception as error:  # whatever goes wrong, delivery goes on
            return type(error).__name__
        return None if response.is_success else response.status_code

    def _count_loss(self, event: DebugEvent) -> None:
        key = (event.tenant_id, event.extension_id)
        if key in self._lost or len(self._lost) < MAX_LOSS_STREAMS:
            self._lost[key] = self._lost.get(key, 0) + 1


async def _wait_at_most(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _loss_event(tenant_id: str, extension_id: str, lost: int) -> DebugEvent:
    return DebugEvent(
        ts=time.time_ns() // 1_000_000,
        level="warn",
        stream="host",
        tenant_id=tenant_id,
        extension_id=extension_id,
        message=f"{lost} debug events were dropped here: they came faster than the gateway took them.",
    )
