"""How many calls run at once: for one install, and in the whole process."""

from __future__ import annotations

from collections.abc import Callable


class Busy(Exception):
    """Raised when a call would be one too many; the text says of what."""


class Admission:
    """Counts calls. Nobody waits in a queue here: the caller is told at once and can try again or elsewhere."""

    def __init__(self, *, per_install: int, per_process: int) -> None:
        self._per_install = per_install
        self._per_process = per_process
        self._running: dict[tuple[str, str], int] = {}
        self._total = 0
        self.on_change: Callable[[int], None] | None = None
        """Told how many calls run, each time that it changes."""

    @property
    def running(self) -> int:
        """Calls that run now."""
        return self._total

    def admit(self, tenant_id: str, install: str) -> Admitted:
        """Counts one call for the length of a `with` block. Raises Busy, then or when the block is entered."""
        return Admitted(self, (tenant_id, install))

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


class Admitted:
    """One call that is counted. A class, where a generator would be shorter: this is on the way of every call."""

    __slots__ = ("_admission", "_key")

    def __init__(self, admission: Admission, key: tuple[str, str]) -> None:
        self._admission = admission
        self._key = key

    def __enter__(self) -> None:
        self._admission.enter(self._key)

    def __exit__(self, *failure: object) -> None:
        self._admission.leave(self._key)
