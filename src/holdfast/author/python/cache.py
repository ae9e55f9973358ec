"""Files and folders that Python builds share, each made once: images, development components, packages of requirements.

NAME there? ──yes──▶ marked as used, returned
     │ no
     ▼
flock <stem>.lock ──▶ there now? ──yes──▶ returned                     (another process has made it meanwhile)
                           │ no
                           ▼
.<stem>-<random>/NAME ──made──▶ renamed to NAME ──▶ what was not used for the longest time is removed above MAX_BYTES
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from holdfast.author.tools.toolchain import Progress, default_toolchain_root
from holdfast.concurrency.file_locks import file_locked
from holdfast.concurrency.workspaces import staging_folder

MAX_BYTES = 2 * 2**30
MIN_UNUSED_SECONDS = 3600
"""What another process may be reading right now is younger than this."""


class PythonCache:
    """`root` is the folder of the cache; the default is below the toolchain's folder. Above `max_bytes`, the least recently used goes."""

    def __init__(self, root: Path | None = None, *, max_bytes: int = MAX_BYTES) -> None:
        self.root = (root or default_toolchain_root() / "python").absolute()
        self._max_bytes = max_bytes

    async def once(self, name: str, words: str, progress: Progress, make: Callable[[Path], Awaitable[None]]) -> Path:
        """The file or folder `name`; unless it is there, `make` writes it to the path that it gets. One process makes it at a time.

        `progress` gets `words` before. Raises what `make` raises, and then nothing is left.
        """
        found = self.root / name
        if not found.exists():
            self.root.mkdir(parents=True, exist_ok=True)
            async with file_locked(self._lock(found)):
                if not found.exists():
                    progress(words)
                    with staging_folder(self.root) as scratch:
                        partial = scratch / name
                        await make(partial)
                        partial.rename(found)
                    await asyncio.to_thread(self.collect)
        # On the lock and not on the file, which projects link: its time must not change.
        with contextlib.suppress(OSError):
            os.utime(self._lock(found))
        return found

    def _lock(self, path: Path) -> Path:
        return self.root / f"{path.stem}.lock"

    def collect(self, now: float | None = None) -> None:
        """Removes what was not used for the longest time, until the rest fits. `now` is a time as of `time.time`."""
        kept = (now or time.time()) - MIN_UNUSED_SECONDS
        entries = [path for path in self.root.iterdir() if path.suffix in (".image", ".wasm") or path.name.startswith("packages-")]
        used = sorted((self._last_use(path), path) for path in entries if path.suffix != ".lock")
        sizes = {path: _size(path) for _, path in used}
        total = sum(sizes.values())
        for when, path in used:
            if total <= self._max_bytes or when > kept:
                return
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            total -= sizes[path]

    def _last_use(self, path: Path) -> float:
        lock = self._lock(path)
        return (lock if lock.exists() else path).stat().st_mtime


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
