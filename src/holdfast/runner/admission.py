"""How many calls run at once: for one install, and in the whole process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Busy(Exception):
    """Raised when a call would be one too many; the text says of what."""


class Admission:
    """Counts calls. Nobody waits in a queue here: the caller is told at once and can try again or elsewhere."""

    def __init__(self, *, per_install: int, per_process: int, on_change: Callable[[int], object] = lambda running: None) -> None:
        """`on_change` is told how many calls run, each time that it changes."""
        self._per_install = per_install
        self._per_process = per_process
        self._on_change = on_change
        self._running: Counter[tuple[str, str]] = Counter()
        self._total = 0

    @property
    def running(self) -> int:
        """Calls that run now."""
        return self._total

    @contextmanager
    def admit(self, tenant_id: str, install: str) -> Iterator[None]:
        """Counts one call for the length of the block. Raises Busy."""
        key = (tenant_id, install)
        if self._running[key] >= self._per_install:
            raise Busy(f"{self._per_install} calls of this install already run")
        if self._total >= self._per_process:
            if not self._running[key]:
                del self._running[key]
            raise Busy(f"{self._per_process} calls already run in this runner")
        self._running[key] += 1
        self._total += 1
        self._on_change(self._total)
        try:
            yield
        finally:
            self._total -= 1
            self._on_change(self._total)
            self._running[key] -= 1
            if not self._running[key]:
                del self._running[key]
