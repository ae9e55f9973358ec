"""A store that can be watched and held back, and a cache over it."""

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
    """A folder store that counts fetches and can hold them back, all of them or those whose key has `held` in it."""

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


class Cupboard:
    """A store and a cache of one test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = CountingStore(root / "store")
        self.cache = BundleCache(root / "cache", self.store)

    async def put(self, source: Path, tenant: str = "t") -> str:
        digest = hash_file(source)
        await self.store.put(bundle_key(tenant, "e", digest), source)
        return digest

    def another(self, max_bytes: int) -> BundleCache:
        """Another cache on the same folder, as another process would have it."""
        return BundleCache(self.root / "cache", self.store, max_bytes=max_bytes)

    def left(self) -> list[str]:
        return [path.name for path in (self.root / "cache").rglob("*")]

    def entries(self) -> set[str]:
        return {path.name for path in (self.root / "cache").iterdir()}

    def age(self, digest: str, seconds: float) -> None:
        """Makes an entry look as if it was last used at that second of 1970."""
        os.utime(self.root / "cache" / digest / "bundle/.index.json", (seconds, seconds))
