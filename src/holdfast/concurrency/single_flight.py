"""One run of some work per key: callers that arrive while it runs wait for the same result.

    caller 1 ──run(k)──▶ no task for k ──▶ create task ─────────▶ result or exception ──▶ caller 1
    caller 2 ──run(k)──▶ task for k ─────▶ wait (shielded) ───────────────┬─────────────▶ caller 2
    caller 3 ──run(k)──▶ task for k ─────▶ wait, then cancelled ──✗       └─ the task goes on for the others

    a key:  idle ──run──▶ running ──work ends, or no caller waits and `cancel_abandoned`──▶ idle

Nothing is stored after the end: put a result that should stay into a cache. A failed key runs again. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Runs work at most once at a time for each key."""

    def __init__(
        self,
        name: str,
        *,
        cancel_abandoned: bool = False,
        share: Callable[[V], object] | None = None,
        release: Callable[[V], object] | None = None,
    ) -> None:
        """`name` is the name of the tasks. With `cancel_abandoned`, the work is cancelled when its last caller is.

        For a result that has to be released by each of its users: `share` is called for each caller that gets it, and `release` once, when
        no caller waits for it any more, so that the result stays valid until the slowest caller has it.
        """
        self._name = name
        self._cancel_abandoned = cancel_abandoned
        self._share = share
        self._release = release
        self._flights: dict[K, _Flight[V]] = {}

    def __contains__(self, key: K) -> bool:
        """Whether work for `key` runs now, so that `run` would wait for it."""
        return key in self._flights

    def __len__(self) -> int:
        """How many keys have work that runs now."""
        return len(self._flights)

    async def run(self, key: K, work: Callable[[], Coroutine[Any, Any, V]], *, cleanup: Callable[[], object] | None = None) -> V:
        """The result of the work that runs for `key`; calls `work` to start it if none does.

        Raises what the work raises, to every caller. A cancelled caller leaves the work to the others, the first caller too. `cleanup` is
        called once, however the work ends; not when the caller joins work that runs already.

        Raises asyncio.CancelledError also when `close` cancels the work.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._start(key, work, cleanup)
        flight.waiting += 1
        try:
            # Shielded: cancelling one caller must not cancel the work of the others.
            value = await asyncio.shield(flight.task)
            if self._share is not None:
                self._share(value)
            return value
        finally:
            flight.waiting -= 1
            if flight.waiting == 0:
                await self._abandon(key, flight)

    async def close(self) -> None:
        """Cancels all work and waits until it has ended. Callers that wait for it are cancelled."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, key: K, work: Callable[[], Coroutine[Any, Any, V]], cleanup: Callable[[], object] | None) -> _Flight[V]:
        flight = _Flight(asyncio.get_running_loop().create_task(work(), name=self._name))
        self._flights[key] = flight
        # The first callback of the task: the key is free before any caller continues, so a caller that failed can try again at once.
        flight.task.add_done_callback(lambda _: self._end(key, flight))
        if cleanup is not None:
            # A callback and not a `finally` in the work: a task that is cancelled before its first step never enters its `try`.
            flight.task.add_done_callback(lambda _: cleanup())
        return flight

    async def _abandon(self, key: K, flight: _Flight[V]) -> None:
        """Called when no caller waits for the flight any more."""
        if flight.task.done():
            self._release_once(flight)
        elif self._cancel_abandoned:
            # The key is free first: the next caller must not join work that is being cancelled.
            self._forget(key, flight)
            flight.task.cancel()
            await asyncio.wait([flight.task])

    def _end(self, key: K, flight: _Flight[V]) -> None:
        self._forget(key, flight)
        if not flight.task.cancelled():
            flight.task.exception()  # marks it as seen: without callers asyncio would log it as never retrieved
        if flight.waiting == 0:
            self._release_once(flight)

    def _forget(self, key: K, flight: _Flight[V]) -> None:
        # Another flight may have this key by now.
        if self._flights.get(key) is flight:
            del self._flights[key]

    def _release_once(self, flight: _Flight[V]) -> None:
        if flight.released:
            return
        flight.released = True
        if self._release is not None and not flight.task.cancelled() and flight.task.exception() is None:
            self._release(flight.task.result())


class _Flight(Generic[V]):
    """Work that runs, and how many callers wait for it."""

    __slots__ = ("released", "task", "waiting")

    def __init__(self, task: asyncio.Task[V]) -> None:
        self.task = task
        self.waiting = 0
        self.released = False
