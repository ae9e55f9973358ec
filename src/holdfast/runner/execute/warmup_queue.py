"""Prepares bundles before their first call: one preparation per bundle, a few at once, tenants in turn.

    prepare(place) ──▶ waits or runs already? ──yes──▶ join it
                            │ no
                            ▼
    waiting, in the line of its tenant (bounded: WarmupQueueFull) ──▶ running ──▶ ready or failed: all callers get it, then forgotten
                            ▲                                             │
                            └──── next tenant in turn ◀── a place is free ┘

A caller that leaves changes nothing: the preparation goes on for the call that will come. A preparation has no deadline of the caller's;
compiling has its own. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable

from holdfast.errors import HoldfastError

MAX_WAITING_PER_TENANT = 64
MAX_WAITING = 2_048
RETRY_SECONDS = 2
"""When a caller should ask again, in seconds."""

Place = tuple[str, str, str]
"""Tenant, extension, content hash (hex)."""


class WarmupQueueFull(HoldfastError):
    """Raised when too many bundles of a tenant, or of all tenants, wait to be prepared."""

    code = "warmup_queue_full"
    status = 429


class WarmupQueue:
    """The bundles that are being prepared, and those that wait for it."""

    def __init__(
        self, prepare: Callable[[Place], Awaitable[bool]], *, at_once: int = 2, max_per_tenant: int = MAX_WAITING_PER_TENANT
    ) -> None:
        """`prepare` prepares one bundle and returns whether it has a component. At most `at_once` run; half of them for one tenant, so
        that slow bundles of one tenant do not stop the others."""
        self._prepare = prepare
        self._at_once = at_once
        self._at_once_per_tenant = max(1, at_once // 2)
        self._max_per_tenant = max_per_tenant
        self._results: dict[Place, asyncio.Future[bool]] = {}
        # Tenants in the order of their turns; each with a line that is not empty.
        self._lines: OrderedDict[str, deque[Place]] = OrderedDict()
        self._running: dict[Place, asyncio.Task[None]] = {}

    @property
    def waiting(self) -> int:
        """Bundles that wait for their turn."""
        return len(self._results) - len(self._running)

    async def prepare(self, place: Place, seconds: float | None = None) -> bool | None:
        """Whether the bundle has a component, when it is ready; None when it is not within `seconds` (None: no limit).

        The preparation goes on after that. Raises what `prepare` raises, to every caller that waits, and WarmupQueueFull.
        """
        result = self._results.get(place)
        if result is None:
            result = self._enqueue(place)
        # Not `wait_for`: it would cancel what others wait for.
        await asyncio.wait((result,), timeout=seconds)
        return result.result() if result.done() else None

    async def close(self) -> None:
        """Cancels all preparations and waits until they have ended. Callers that wait are cancelled."""
        self._lines.clear()
        running = list(self._running.values())
        for task in running:
            task.cancel()
        for result in self._results.values():
            result.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _enqueue(self, place: Place) -> asyncio.Future[bool]:
        tenant_id = place[0]
        line = self._lines.get(tenant_id)
        if (line is not None and len(line) >= self._max_per_tenant) or self.waiting >= MAX_WAITING:
            raise WarmupQueueFull("Too many bundles wait to be prepared.", hint=f"Ask again in {RETRY_SECONDS} seconds.")
        result: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        # Marks a failure as seen: a caller need not wait for the end.
        result.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._results[place] = result
        self._lines.setdefault(tenant_id, deque()).append(place)
        self._start_next()
        return result

    def _start_next(self) -> None:
        """Starts what may run now: of each tenant in turn the bundle that has waited longest."""
        for tenant_id in list(self._lines):
            if len(self._running) >= self._at_once:
                return
            if sum(place[0] == tenant_id for place in self._running) >= self._at_once_per_tenant:
                continue
            line = self._lines.pop(tenant_id)
            place = line.popleft()
            if line:
                self._lines[tenant_id] = line  # at the end: the others come first
            self._running[place] = asyncio.create_task(self._run(place), name="prepare a bundle")

    async def _run(self, place: Place) -> None:
        result = self._results[place]
        try:
            has_component = await self._prepare(place)
            if not result.done():
                result.set_result(has_component)
        except Exception as error:
            if not result.done():
                result.set_exception(error)
        except BaseException:
            result.cancel()
            raise
        finally:
            del self._results[place], self._running[place]
            self._start_next()
