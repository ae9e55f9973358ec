"""The bundle cache: each bundle is fetched, verified and unpacked once, then shared by every call and page that needs it.

    acquire ──▶ entry known in this process? ──yes──▶ Entry.acquire (a few system calls)
                     │ no
                     ▼
              single-flight by store key ──▶ lock by content hash ──▶ on disk? ──yes──▶ verified once, then known
                                                                          │ no
                                                                          └──▶ fetched from the store, DiskQuota.trigger

The key contains the tenant, the hash does not: two tenants may request the same bundle under two keys. The second one waits for the lock,
then uses the entry of the first, or tries its own key if the first fetch failed.
"""

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
from holdfast.bundles.cache.eviction import DiskQuota
from holdfast.bundles.cache.fetch import fetch_entry
from holdfast.bundles.cache.replaced import ReplacedBundles
from holdfast.bundles.cache.unpacked import UnpackedBundle
from holdfast.bundles.store.hashing import normalize_content_hash
from holdfast.bundles.store.keys import bundle_key
from holdfast.bundles.store.protocol import BundleStore
from holdfast.concurrency.keyed_lock import KeyedLock
from holdfast.concurrency.single_flight import SingleFlight
from holdfast.concurrency.threads import run_in_thread
from holdfast.concurrency.workspaces import remove_stale_workspaces
from holdfast.errors import HoldfastError

DISK_MAX_BYTES = 4 << 30
_MAX_KNOWN_FILES = 200_000
"""In all known entries, which have the name, size and hash of each page file in memory: about 250 bytes per file. An entry that is
forgotten is hashed again when it is used."""
_ENTRY_AS_FILES = 8
"""What an entry without pages costs, as a number of files."""


class BundleCache:
    """Unpacked bundles below `root`, one folder for each content hash. Several processes may share `root`."""

    def __init__(
        self, root: Path, store: BundleStore, limits: ArchiveLimits = LIMITS, *, max_bytes: int = DISK_MAX_BYTES, keep: int | None = None
    ) -> None:
        """Removes what killed processes left in `root`. `max_bytes` limits the disk space of the bundles in `root`.

        With `keep`, only so many bundles of one tenant's extension stay, those that this process fetched or opened last: in development,
        where every save of a file makes a bundle that replaces the one before.
        """
        self.root = root
        self.max_bytes = max_bytes
        self._store = store
        self._limits = limits
        self._verified: OrderedDict[str, Entry] = OrderedDict()
        self._known_files = 0
        self._fetches: SingleFlight[str, Entry] = SingleFlight("fetch a bundle", share=Entry.share, release=Entry.release)
        self._digest_locks: KeyedLock[str] = KeyedLock()
        self._quota = DiskQuota(root, max_bytes, lambda: self.on_evict())  # noqa: PLW0108 - looked up when called: it is set later
        self._replaced = None if keep is None else ReplacedBundles(root, keep)
        self.on_evict: Callable[[], None] = lambda: None
        """Called in a thread for each bundle that is evicted."""
        self.on_fetch: Callable[[str, float], None] = lambda outcome, seconds: None
        """Called after each fetch from the store with its outcome (`ok`, `cancelled` or an error code) and its duration in seconds."""
        self.on_replaced: Callable[[str], None] = lambda sha256: None
        """Called with the hash (hex) of a component that no bundle in the cache has any more, because newer bundles replaced it."""
        remove_stale_workspaces(root)

    def use(self, tenant_id: str, extension_id: str, sha256_hex: str) -> AbstractAsyncContextManager[UnpackedBundle]:
        """The unpacked bundle. It stays on disk until the block ends, whatever this or another process evicts.

        A bundle that is not in the cache is fetched from the store, once for all callers that wait for it. Ids as in `bundle_key`; the hash
        with or without `sha256:`. A cached bundle is used for every tenant: the caller has checked that the tenant may use it. Every file
        is compared with its hash when this process first uses the bundle.

        Entering raises InvalidBundleKey, InvalidContentHash, BundleNotFound, BundleStoreUnavailable, ArchiveHashMismatch, ExtractFailed.
        After an error nothing of the bundle is left on disk, and the next call tries again.
        """
        return _Use(self, tenant_id, extension_id, sha256_hex)

    async def ensure(self, tenant_id: str, extension_id: str, sha256_hex: str) -> UnpackedBundle:
        """As `use`, for callers that need the bundle only now: it may be evicted at any time afterwards."""
        entry = await self.acquire(tenant_id, extension_id, sha256_hex)
        entry.release()
        return entry.bundle

    def peek(self, tenant_id: str, extension_id: str, digest: str) -> UnpackedBundle | None:
        """The unpacked bundle, when this process has acquired it before and it is unchanged; None when it must be acquired.

        The bundle may be evicted at any time: for callers that already have in memory what they need of it. The digest is lower-case hex.
        """
        entry = self._verified.get(digest)
        return entry.bundle if entry is not None and entry.is_current() else None

    async def acquire(self, tenant_id: str, extension_id: str, sha256_hex: str) -> Entry:
        """As entering `use`; the caller must `release` the entry, in the event loop."""
        digest = normalize_content_hash(sha256_hex)
        key = bundle_key(tenant_id, extension_id, digest)
        known = self._acquire_known(digest)
        if known is not None:
            return known
        return await self._fetches.run(key, lambda: self._open_or_fetch(key, digest))

    async def close(self) -> None:
        """Cancels running fetches and waits until they have cleaned up."""
        await self._fetches.close()
        await self._quota.close()
        if self._replaced is not None:
            await self._replaced.close()

    def _acquire_known(self, digest: str) -> Entry | None:
        entry = self._verified.get(digest)
        if entry is None:
            return None
        if not entry.acquire():
            self._forget(digest)
            return None
        self._verified.move_to_end(digest)
        return entry

    def _remember(self, digest: str, entry: Entry) -> None:
        if digest in self._verified:
            self._forget(digest)
        self._verified[digest] = entry
        self._known_files += _files_of(entry)
        while self._known_files > _MAX_KNOWN_FILES and len(self._verified) > 1:
            self._forget(next(iter(self._verified)))

    def _forget(self, digest: str) -> None:
        self._known_files -= _files_of(self._verified.pop(digest))

    async def _open_or_fetch(self, key: str, digest: str) -> Entry:
        async with self._digest_locks.hold(digest):
            entry = self._acquire_known(digest)
            if entry is not None:
                return entry
            folder = self.root / digest
            entry = await run_in_thread(partial(open_entry, folder), _release_if_any)
            if entry is None:
                entry = await self._fetch(key, folder)
                self._quota.trigger()
            elif not self._quota.was_triggered:
                # Once per process, because the limit may be lower than it was for the last process.
                self._quota.trigger()
            self._remember(digest, entry)
            if self._replaced is not None:
                self._replaced.add(key.rpartition("/sha256/")[0], digest, entry.bundle.component_sha256, self._was_replaced)
            return entry

    def _was_replaced(self, digest: str, component_sha256: str | None) -> None:
        if digest in self._verified:
            self._forget(digest)
        if component_sha256 is not None and all(entry.bundle.component_sha256 != component_sha256 for entry in self._verified.values()):
            self.on_replaced(component_sha256)

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
    """A class, although a generator would be shorter: every call runs this, and a generator costs more."""

    __slots__ = ("_cache", "_entry", "_key")

    def __init__(self, cache: BundleCache, *key: str) -> None:
        self._cache = cache
        self._key = key

    async def __aenter__(self) -> UnpackedBundle:
        self._entry = await self._cache.acquire(*self._key)
        return self._entry.bundle

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._entry.release()


def _files_of(entry: Entry) -> int:
    return _ENTRY_AS_FILES + len(entry.bundle.ui_files)


def _release_if_any(entry: Entry | None) -> None:
    if entry is not None:
        entry.release()
