"""Reports that something near the inputs of a build may have changed.

It watches folders, never single files: editors replace a file by renaming another one over it. It watches each folder of an input and
each folder above that up to the project, so that a folder that is deleted and made again is noticed and watched again.

  armed with folders ──event──▶ hint ──▶ the caller compares fingerprints, and calls `follow` with the inputs of the next build
        ▲                                                                              │ other folders, or the same made again
        └──────────────────────────────────────────────────────────────────────────────┘
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from pathlib import Path

from watchfiles import awatch

from holdfast.concurrency.tasks import end_task

STEP_MS = 10
"""A single save is reported after one to two steps; several saves are one report if less than a step is between them."""
DEBOUNCE_MS = 200
"""Changes that never pause are reported after this time at the latest."""
_REARM_SECONDS = 0.2


class InputWatcher:
    """Watches the folders of a project's inputs. `root` is the project; inputs may be elsewhere too."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._hint = asyncio.Event()
        self._folders: frozenset[tuple[Path, int]] = frozenset()
        self._watching: asyncio.Task[None] | None = None

    async def follow(self, inputs: Iterable[Path]) -> None:
        """Watches for these inputs from now on. What changed before may have been missed: compare once after this."""
        wanted = _watched(self._root, inputs)
        if wanted == self._folders and self._watching is not None and not self._watching.done():
            return
        self._folders = wanted
        watching = self._watch([path for path, _ in wanted])
        previous, self._watching = self._watching, asyncio.create_task(watching, name=f"watch {self._root.name}")
        if previous is not None:
            await end_task(previous)

    async def wait(self) -> None:
        """Returns after the next event near the inputs, at once if there was one since the last return."""
        await self._hint.wait()
        self._hint.clear()

    async def close(self) -> None:
        """Stops watching."""
        if self._watching is not None:
            await end_task(self._watching)

    async def _watch(self, folders: list[Path]) -> None:
        stop = asyncio.Event()
        try:
            events = awatch(
                *folders,
                watch_filter=None,
                step=STEP_MS,
                debounce=DEBOUNCE_MS,
                recursive=False,
                stop_event=stop,
                ignore_permission_denied=True,
                raise_interrupt=False,
            )
            async with contextlib.aclosing(events) as changes:
                async for _ in changes:
                    self._hint.set()
        except OSError:
            # A folder vanished before it was watched. The comparison that follows each hint looks at what is there.
            await asyncio.sleep(_REARM_SECONDS)
        finally:
            stop.set()
            self._hint.set()


def _watched(root: Path, inputs: Iterable[Path]) -> frozenset[tuple[Path, int]]:
    """The folders to watch, each with its number: a folder that was made again has another one."""
    # Above the project only while it is gone, to notice that it comes back: its neighbours can have much traffic.
    folders = {root} if root.is_dir() else {root.parent}
    for path in inputs:
        # A file that would matter if it appeared above the project, such as /tmp/tsconfig.json: all the traffic of these folders would be
        # events. The comparison after the next event, or before the next call, finds it.
        if not path.exists() and not path.resolve().is_relative_to(root):
            continue
        folder = path if path.is_dir() else path.parent
        folders.add(folder)
        if folder.is_relative_to(root):
            folders.update(parent for parent in folder.parents if parent.is_relative_to(root))
    found = set()
    for folder in folders:
        with contextlib.suppress(OSError):
            found.add((folder, folder.stat().st_ino))
    return frozenset(found)
