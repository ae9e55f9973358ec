"""A store that counts fetches and can delay them, and a cache on top of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key


class CountingStore(FolderStore):
    """A folder store that counts fetches and can delay them: all of them, or those whose key contains `held`."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.fetches: list[str] = []
        self.held = ""
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()

    async def get(self, key: str) -> AsyncGenerator[bytes, None]:
        self.fetches.append(key)
        self.started.set()
        if self.held in key:
            await self.gate.wait()
        async for chunk in super().get(key):
            yield chunk


class CacheEnvironment:
    """The store and the cache of one test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = CountingStore(root / "store")
        self.cache = BundleCache(root / "cache", self.store)

    async def put(self, source: Path, tenant: str = "t") -> str:
        digest = hash_file(source)
        await self.store.put(bundle_key(tenant, "e", digest), source)
        return digest

    def open_another(self, max_bytes: int) -> BundleCache:
        """Opens another cache on the same folder, as another process would."""
        return BundleCache(self.root / "cache", self.store, max_bytes=max_bytes)

    def remaining_files(self) -> list[str]:
        return [path.name for path in (self.root / "cache").rglob("*")]

    def entries(self) -> set[str]:
        return {path.name for path in (self.root / "cache").iterdir()}

    def set_last_use(self, digest: str, seconds: float) -> None:
        """Sets the time at which an entry was last used, in seconds since 1970."""
        os.utime(self.root / "cache" / digest / "bundle/.index.json", (seconds, seconds))
