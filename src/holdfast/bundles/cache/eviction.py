"""Keeps the cache within its disk quota: the least recently used entries go first, entries in use stay.

    trigger() ──▶ idle ──▶ evict (in a thread) ──fits──▶ idle
                              ▲        └─ does not fit: more than the quota is in use
                              │                 │
                              └── RETRY_SECONDS or trigger()

Several processes may evict from one folder at the same time: `remove_entry` takes the locks, and an entry that another process has
removed counts as removed here too.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog
from msgspec import Struct

from holdfast.bundles.cache.entries import last_used_at, remove_entry
from holdfast.bundles.cache.unpacked import size_on_disk
from holdfast.concurrency.threads import run_in_thread
from holdfast.concurrency.workspaces import remove_stale_workspaces, workspace

RETRY_SECONDS = 10
"""The pause before the next eviction while the entries in use exceed the quota."""

_NAME = re.compile(r"[0-9a-f]{64}", re.ASCII)
_log = structlog.get_logger(__name__)


class _CachedBundle(Struct, frozen=True):
    folder: Path
    last_used: float
    size: int


class DiskQuota:
    """Evicts in the background, for one process, whenever the cache has grown. Belongs to one event loop."""

    def __init__(self, root: Path, max_bytes: int, on_removed: Callable[[], None]) -> None:
        """`on_removed` is called in a thread for each entry that is evicted."""
        self.was_triggered = False
        self._evictor = Evictor(root, max_bytes, on_removed)
        self._pending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def trigger(self) -> None:
        """Starts an eviction, or another round of the one that runs."""
        self.was_triggered = True
        self._pending.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="evict from the bundle cache")

    async def close(self) -> None:
        """Stops; waits until a removal that has begun is complete."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            fits = False
            while self._pending.is_set() or not fits:
                self._pending.clear()
                fits = await run_in_thread(self._evictor.evict)
                if not fits:
                    await self._wait_for_trigger()
        except OSError as error:
            _log.warning(
                "Cannot evict from the bundle cache; check the folder EXT_CACHE_ROOT", reason=error.strerror or type(error).__name__
            )
        finally:
            self._task = None

    async def _wait_for_trigger(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(RETRY_SECONDS):
                await self._pending.wait()


class Evictor:
    """Evicts from one cache folder. For one thread at a time; other processes may evict from the same folder at the same time."""

    def __init__(self, root: Path, max_bytes: int, on_removed: Callable[[], None] = lambda: None) -> None:
        """`on_removed` is called for each entry that is evicted."""
        self._root = root
        self._max_bytes = max_bytes
        self._on_removed = on_removed
        # An entry never changes its size, so each index is read once.
        self._sizes: dict[str, int] = {}

    def evict(self) -> bool:
        """Removes entries until the rest has at most `max_bytes`; also removes stale workspaces. Fetches in progress do not count.

        Returns False when the entries in use exceed the quota. Raises OSError when the folder cannot be written.
        """
        if not self._root.is_dir():
            return True
        remove_stale_workspaces(self._root)
        usable, unusable = self._list_entries()
        excess = sum(entry.size for entry in usable) - self._max_bytes
        if not unusable and excess <= 0:
            return True
        with workspace(self._root) as trash:
            for folder in unusable:
                remove_entry(folder, trash)
            for entry in sorted(usable, key=lambda entry: entry.last_used):
                if excess <= 0:
                    break
                if remove_entry(entry.folder, trash):
                    # Also true when another process removed the entry first: its bytes are free either way.
                    excess -= entry.size
                    _empty(trash)
                    self._on_removed()
                    _log.info("Evicted the least recently used bundle from the cache", content_hash=entry.folder.name, bytes=entry.size)
        return excess <= 0

    def _list_entries(self) -> tuple[list[_CachedBundle], list[Path]]:
        """The entries with a valid index, and the folders without one: no process can use those, and their size is unknown."""
        usable, unusable = [], []
        for folder in self._root.iterdir():
            if _NAME.fullmatch(folder.name):
                size = self._sizes.get(folder.name) or size_on_disk(folder)
                if size is None:
                    unusable.append(folder)
                else:
                    usable.append(_CachedBundle(folder, last_used_at(folder), size))
        self._sizes = {entry.folder.name: entry.size for entry in usable}
        return usable, unusable


def _empty(trash: Path) -> None:
    for folder in trash.iterdir():
        shutil.rmtree(folder, ignore_errors=True)
