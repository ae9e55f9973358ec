"""Removes bundles that newer ones of the same extension have replaced. For development, where each save makes a bundle.

add ──▶ the extension's newest ── `keep` newer ones ──▶ to be removed ── in use: tried again at the next add
                                                              └── not in use ──▶ removed, reported

The order is the one in which this process fetched or opened the bundles. A bundle that is needed again is fetched again.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog
from cachetools import LRUCache
from msgspec import Struct

from holdfast.bundles.cache.entries import remove_entry
from holdfast.concurrency.threads import run_in_thread
from holdfast.concurrency.workspaces import workspace

_MAX_EXTENSIONS = 10_000

_log = structlog.get_logger(__name__)

OnRemoved = Callable[[str, str | None], None]
"""Gets the digest of a removed bundle and the hash of its component."""


class _Bundle(Struct, frozen=True):
    digest: str
    component_sha256: str | None


class ReplacedBundles:
    """The newest bundles of each extension, for one process. Belongs to one event loop."""

    def __init__(self, root: Path, keep: int) -> None:
        """`root` is the folder of the cache; the newest `keep` bundles of an extension stay there."""
        self._root = root
        self._keep = keep
        # Oldest first. Extensions beyond the limit are forgotten: their bundles are left to the quota of the cache.
        self._newest: LRUCache[str, list[_Bundle]] = LRUCache(_MAX_EXTENSIONS)
        self._leaving: dict[str, _Bundle] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, extension: str, digest: str, component_sha256: str | None, on_removed: OnRemoved) -> None:
        """Records that a bundle of the extension was fetched or opened, and starts to remove those that it replaces.

        `extension` names an extension of a tenant. `on_removed` is called in the event loop for each bundle that is removed.
        """
        others = [bundle for bundle in self._newest.get(extension, ()) if bundle.digest != digest]
        bundles = [*others, _Bundle(digest, component_sha256)]
        self._newest[extension] = bundles[-self._keep :]
        self._leaving |= {bundle.digest: bundle for bundle in bundles[: -self._keep]}
        # Tenants that have the same bundle share its entry.
        self._leaving = {name: bundle for name, bundle in self._leaving.items() if not self._is_newest(name)}
        if self._leaving and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._remove(on_removed), name="remove replaced bundles")

    async def close(self) -> None:
        """Waits until a removal that has begun is complete."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _remove(self, on_removed: OnRemoved) -> None:
        try:
            for bundle in list(self._leaving.values()):
                if not self._is_newest(bundle.digest) and await run_in_thread(partial(self._remove_entry, bundle.digest)):
                    self._leaving.pop(bundle.digest, None)
                    on_removed(bundle.digest, bundle.component_sha256)
        except OSError as error:
            _log.warning("replaced_bundles_not_removed", reason=error.strerror or type(error).__name__)

    def _is_newest(self, digest: str) -> bool:
        return any(bundle.digest == digest for bundles in self._newest.values() for bundle in bundles)

    def _remove_entry(self, digest: str) -> bool:
        with workspace(self._root) as trash:
            removed = remove_entry(self._root / digest, trash)
            for folder in trash.iterdir():
                shutil.rmtree(folder, ignore_errors=True)
        return removed
