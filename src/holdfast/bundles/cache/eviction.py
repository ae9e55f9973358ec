"""Keeps the cache within its bound: what was not used for longest goes first, what is in use stays."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog
from msgspec import Struct

from holdfast.bundles.cache.entries import last_use, take_away
from holdfast.bundles.cache.unpacked import size_on_disk
from holdfast.bundles.cache.workspace import remove_leftovers, workspace
from holdfast.concurrency.threads import in_thread

AGAIN_SECONDS = 10
"""How soon to look again, while more is in use than there is room for."""

_NAME = re.compile(r"[0-9a-f]{64}", re.ASCII)
_log = structlog.get_logger(__name__)


class _Usable(Struct, frozen=True):
    folder: Path
    used: float
    size: int


class Room:
    """Makes room in the background, for one process, whenever something has come into the cache. Belongs to one event loop."""

    def __init__(self, root: Path, max_bytes: int, on_removed: Callable[[], None]) -> None:
        self.looked = False
        self._evictor = Evictor(root, max_bytes, on_removed)
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Something has come, or may have."""
        self.looked = True
        self._news.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep(), name="room in the bundle cache")

    async def close(self) -> None:
        """Waits for what is being removed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        try:
            fits = False
            while self._news.is_set() or not fits:
                self._news.clear()
                fits = await in_thread(self._evictor.make_room)
                if not fits:
                    await self._news_or_later()
        except OSError as error:
            _log.warning("No room can be made in the bundle cache; see EXT_CACHE_ROOT", reason=error.strerror or type(error).__name__)
        finally:
            self._task = None

    async def _news_or_later(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(AGAIN_SECONDS):
                await self._news.wait()


class Evictor:
    """Makes room in one cache folder. For one thread at a time; other processes may do the same at the same time."""

    def __init__(self, root: Path, max_bytes: int, on_removed: Callable[[], None] = lambda: None) -> None:
        """`on_removed` is called for every entry that is removed to make room."""
        self._root = root
        self._max_bytes = max_bytes
        self._on_removed = on_removed
        # Equal hashes, equal sizes: each index is read once.
        self._sizes: dict[str, int] = {}

    def make_room(self) -> bool:
        """Removes entries until the rest has at most `max_bytes`, and what killed processes left; work under way is not counted.

        False when more than that is in use. Raises OSError when the folder cannot be written.
        """
        if not self._root.is_dir():
            return True
        remove_leftovers(self._root)
        usable, unusable = self._entries()
        excess = sum(entry.size for entry in usable) - self._max_bytes
        if not unusable and excess <= 0:
            return True
        with workspace(self._root) as scrap:
            for folder in unusable:
                take_away(folder, scrap)
            for entry in sorted(usable, key=lambda entry: entry.used):
                if excess <= 0:
                    break
                if take_away(entry.folder, scrap):
                    # Also when another process was first.
                    excess -= entry.size
                    _empty(scrap)
                    self._on_removed()
                    _log.info("Least recently used, removed from the bundle cache", content_hash=entry.folder.name, bytes=entry.size)
        return excess <= 0

    def _entries(self) -> tuple[list[_Usable], list[Path]]:
        """Those with an index, and those without: these serve nobody, and nobody can say what they take."""
        usable, unusable = [], []
        for folder in self._root.iterdir():
            if _NAME.fullmatch(folder.name):
                size = self._sizes.get(folder.name) or size_on_disk(folder)
                if size is None:
                    unusable.append(folder)
                else:
                    usable.append(_Usable(folder, last_use(folder), size))
        self._sizes = {entry.folder.name: entry.size for entry in usable}
        return usable, unusable


def _empty(scrap: Path) -> None:
    for folder in scrap.iterdir():
        shutil.rmtree(folder, ignore_errors=True)
