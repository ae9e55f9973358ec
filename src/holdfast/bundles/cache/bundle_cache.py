"""Bundles fetched from the store, verified and unpacked once, shared by every call and page that needs them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from types import TracebackType

from holdfast.bundles.archive.limits import LIMITS, ArchiveLimits
from holdfast.bundles.cache.entries import Entry, open_entry
from holdfast.bundles.cache.eviction import Room
from holdfast.bundles.cache.fetch import fetch_entry
from holdfast.bundles.cache.unpacked import UnpackedBundle
from holdfast.bundles.cache.workspace import remove_leftovers
from holdfast.bundles.store.hashing import hash_hex
from holdfast.bundles.store.keys import bundle_key
from holdfast.bundles.store.protocol import BundleStore
from holdfast.concurrency.keyed_lock import KeyedLock
from holdfast.concurrency.single_flight import SingleFlight
from holdfast.concurrency.threads import in_thread
from holdfast.errors import HoldfastError

DISK_MAX_BYTES = 4 << 30
_REMEMBERED = 1_000


class BundleCache:
    """Unpacked bundles below `root`, one folder for each content hash. Several processes may share `root`."""

    def __init__(self, root: Path, store: BundleStore, limits: ArchiveLimits = LIMITS, *, max_bytes: int = DISK_MAX_BYTES) -> None:
        """Removes what killed processes left in `root`. `max_bytes` is what the bundles in `root` may take on disk."""
        self.root = root
        self.max_bytes = max_bytes
        self._store = store
        self._limits = limits
        self._verified: OrderedDict[str, Entry] = OrderedDict()
        self._fetches: SingleFlight[str, Entry] = SingleFlight("fetch a bundle", share=Entry.share, release=Entry.give)
        self._digest_locks: KeyedLock[str] = KeyedLock()
        self._room = Room(root, max_bytes, lambda: self.on_evict())  # noqa: PLW0108 - looked up when called: it is set later
        self.on_evict: Callable[[], None] = lambda: None
        """Called, in a thread, for every bundle that is removed to make room."""
        self.on_fetch: Callable[[str, float], None] = lambda outcome, seconds: None
        """Told of every fetch from the store: `ok` or the code of its error, and how long it took."""
        remove_leftovers(root)

    def use(self, tenant_id: str, extension_id: str, sha256_hex: str) -> AbstractAsyncContextManager[UnpackedBundle]:
        """The unpacked bundle, which stays on disk until the block ends, whatever this or another process has to make room for.

        Fetched from the store when it is not here yet, by one fetch however many ask at once. Ids as in `bundle_key`; the hash with or
        without `sha256:`. A bundle that is here is used for every tenant: whether a tenant may have it is decided before. Every file is
        compared with its hash when this process first uses the bundle.

        Entering raises InvalidBundleKey, InvalidContentHash, BundleNotFound, BundleStoreUnavailable, ArchiveHashMismatch, ExtractFailed,
        CacheUnusable. After any of them nothing of the bundle is left on disk, and the next call tries again.
        """
        return _Use(self, tenant_id, extension_id, sha256_hex)

    async def ensure(self, tenant_id: str, extension_id: str, sha256_hex: str) -> UnpackedBundle:
        """As `use`, for those who need it only to be there now: it may be removed at any time after."""
        entry = await self.take(tenant_id, extension_id, sha256_hex)
        entry.give()
        return entry.bundle

    def glance(self, tenant_id: str, extension_id: str, digest: str) -> UnpackedBundle | None:
        """The unpacked bundle when it was taken before and is as it was, for those who have what they need of it in memory: nothing keeps
        it on disk. None when it is to be taken; the digest in lower-case hex."""
        entry = self._verified.get(digest)
        return entry.bundle if entry is not None and entry.is_current() else None

    async def take(self, tenant_id: str, extension_id: str, sha256_hex: str) -> Entry:
        """As entering `use`; the caller has to `give` the entry back, in the event loop."""
        digest = hash_hex(sha256_hex)
        key = bundle_key(tenant_id, extension_id, digest)
        known = self._known(digest)
        if known is not None:
            return known
        return await self._fetches.run(key, lambda: self._open_or_fetch(key, digest))

    async def close(self) -> None:
        """Ends fetches that are under way and waits until they have cleaned up."""
        await self._fetches.close()
        await self._room.close()

    def _known(self, digest: str) -> Entry | None:
        entry = self._verified.get(digest)
        if entry is None:
            return None
        if not entry.take():
            del self._verified[digest]
            return None
        self._verified.move_to_end(digest)
        return entry

    async def _open_or_fetch(self, key: str, digest: str) -> Entry:
        """Two tenants may ask for one bundle under two keys: whoever comes second waits, and tries its own key if the first failed."""
        async with self._digest_locks.hold(digest):
            entry = self._known(digest)
            if entry is not None:
                return entry
            folder = self.root / digest
            entry = await in_thread(partial(open_entry, folder), _give_if_any)
            if entry is None:
                entry = await self._fetch(key, folder)
                self._room.look()
            elif not self._room.looked:
                # The bound may have been lowered since the last process.
                self._room.look()
            self._verified[digest] = entry
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
            return entry

    async def _fetch(self, key: str, folder: Path) -> Entry:
        started, outcome = time.monotonic(), "cancelled"
        try:
            entry = await fetch_entry(self._store, key, folder, self._limits)
            outcome = "ok"
            return entry
        except HoldfastError as error:
            outcome = error.code
            raise
        finally:
            self.on_fetch(outcome, time.monotonic() - started)


class _Use:
    """A class, where a generator would be shorter: this is on the way of every call."""

    __slots__ = ("_asked", "_cache", "_entry")

    def __init__(self, cache: BundleCache, *asked: str) -> None:
        self._cache = cache
        self._asked = asked

    async def __aenter__(self) -> UnpackedBundle:
        self._entry = await self._cache.take(*self._asked)
        return self._entry.bundle

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._entry.give()


def _give_if_any(entry: Entry | None) -> None:
    if entry is not None:
        entry.give()
