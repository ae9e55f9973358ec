"""Which builds one project needs: one at a time, and exactly one more for whatever changes meanwhile.

        change                    ended
idle ──────────▶ wanted ──begin──▶ building ──────────▶ idle
                   ▲                 │ change
                   │                 ▼
                   └──────ended── building, wanted ─┐
                                     ▲              │ change
                                     └──────────────┘
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path


class BuildQueue:
    """The state of one project. It belongs to one event loop."""

    def __init__(self) -> None:
        self._wanted: set[Path] | None = None
        self._is_building = False
        self._changed = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        """Whether what was built last is built from everything that was reported."""
        return self._wanted is None and not self._is_building

    @property
    def is_wanted(self) -> bool:
        """Whether a build must follow: what runs now began before the last change."""
        return self._wanted is not None

    def want(self, changed: Iterable[Path] = ()) -> None:
        """These paths have changed; without any, a build was asked for."""
        self._wanted = (self._wanted or set()) | set(changed)
        self._changed.set()

    async def begin(self) -> frozenset[Path]:
        """Waits until a build is wanted, and begins it. Returns what has changed since the last one began."""
        if self._is_building:
            raise RuntimeError("one build at a time")
        while self._wanted is None:
            self._changed.clear()
            await self._changed.wait()
        changed, self._wanted = frozenset(self._wanted), None
        self._is_building = True
        return changed

    def end(self) -> None:
        """The build that began has ended, well or not."""
        self._is_building = False
