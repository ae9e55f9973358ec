"""How many calls run at once: for one install, and in the whole process."""

from __future__ import annotations

from collections.abc import Callable


class Busy(Exception):
    """Raised when a call would exceed a limit; the message names it."""


class ConcurrencyLimit:
    """Counts calls. There is no queue: the caller gets an error at once and can retry, here or elsewhere."""

    def __init__(self, *, per_install: int, per_process: int) -> None:
        self._per_install = per_install
        self._per_process = per_process
        self._running: dict[tuple[str, str], int] = {}
        self._total = 0
        self.on_change: Callable[[int], None] | None = None
        """Called with the number of running calls whenever it changes."""

    @property
    def running(self) -> int:
        """Calls that run now."""
        return self._total

    def admit(self, tenant_id: str, install: str) -> CountedCall:
        """Counts one call for the duration of a `with` block. Entering the block raises Busy."""
        return CountedCall(self, (tenant_id, install))

    def enter(self, key: tuple[str, str]) -> None:
        running = self._running.get(key, 0)
        if running >= self._per_install:
            raise Busy(f"{self._per_install} calls of this install already run")
        if self._total >= self._per_process:
            raise Busy(f"{self._per_process} calls already run in this runner")
        self._running[key] = running + 1
        self._total += 1
        if self.on_change is not None:
            self.on_change(self._total)

    def leave(self, key: tuple[str, str]) -> None:
        self._total -= 1
        if self.on_change is not None:
            self.on_change(self._total)
        running = self._running[key] - 1
        if running:
            self._running[key] = running
        else:
            del self._running[key]


class CountedCall:
    """One call that is counted. A class, not a shorter generator: every call creates one."""

    __slots__ = ("_key", "_limit")

    def __init__(self, limit: ConcurrencyLimit, key: tuple[str, str]) -> None:
        self._limit = limit
        self._key = key

    def __enter__(self) -> None:
        self._limit.enter(self._key)

    def __exit__(self, *failure: object) -> None:
        self._limit.leave(self._key)
