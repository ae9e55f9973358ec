"""The components in memory: the least recently used leave first, by number and by bytes.

add ──▶ newest ──get──▶ newest again ── others are used ──▶ oldest ── beyond a limit ──▶ dropped; freed when its last call ends
"""

from __future__ import annotations

import os
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Generic, Protocol, TypeVar

OVERHEAD_BYTES = 128 * 1024
"""What a loaded component costs in addition to its mapped file: types, the linker, our converters. Measured: 25 KiB for one without WASI,
450 KiB for QuickJS, whose file of 5 MB is never mapped to the last page."""

_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


class Loaded(Protocol):
    """A component that is in memory."""

    sha256: str
    file_bytes: int


C = TypeVar("C", bound=Loaded)


class LoadedComponents(Generic[C]):
    """Components by the SHA-256 (hex) of their wasm. Belongs to one event loop."""

    def __init__(self, *, max_count: int, max_bytes: int) -> None:
        """The newest component stays, also one that is larger than `max_bytes`."""
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._components: OrderedDict[str, C] = OrderedDict()
        self.bytes = 0
        """What the components cost, roughly."""

    def __len__(self) -> int:
        return len(self._components)

    def get(self, sha256: str) -> C | None:
        """The component, which is then the most recently used. Every call runs this."""
        component = self._components.get(sha256)
        if component is not None:
            self._components.move_to_end(sha256)
        return component

    def add(self, component: C) -> None:
        """Adds a component that is not among them, and drops others beyond the limits."""
        self._components[component.sha256] = component
        self.bytes += _cost(component)
        while len(self._components) > 1 and (len(self._components) > self._max_count or self.bytes > self._max_bytes):
            _, dropped = self._components.popitem(last=False)
            self.bytes -= _cost(dropped)

    def remove(self, sha256: str) -> None:
        """Drops the component, if it is among them."""
        dropped = self._components.pop(sha256, None)
        if dropped is not None:
            self.bytes -= _cost(dropped)

    def clear(self) -> None:
        self._components.clear()
        self.bytes = 0


def _cost(component: Loaded) -> int:
    return component.file_bytes + OVERHEAD_BYTES


def memory_budget(processes: int) -> int:
    """Half of the memory that this process may use, shared by `processes`, in bytes.

    Mapped code can be dropped by the kernel and read again, so this need not be exact: it only keeps components from using up the memory
    that their calls need.
    """
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # no such file, or `max`
            available = min(available, int(file.read_text()))
    return available // 2 // processes
