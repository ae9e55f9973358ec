"""Bundles fetched from the store, verified and unpacked once, shared by every call and page that needs them."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import shutil
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from holdfast.bundles.archive import LIMITS, ArchiveLimits, ExtractFailed
from holdfast.bundles.hashing import hash_hex
from holdfast.bundles.store import BundleStore, bundle_key
from holdfast.bundles.unpacked import READY, UnpackedBundle, open_unpacked, unpack_bundle
from holdfast.bundles.workspace import remove_leftovers, workspace
from holdfast.errors import HoldfastError

__all__ = ["ArchiveHashMismatch", "BundleCache", "UnpackedBundle"]

DISK_MAX_BYTES = 4 << 30
_REMEMBERED = 1_000


class ArchiveHashMismatch(HoldfastError):
    """Raised when the bytes in the store are not those that the content hash names."""

    code = "archive_hash_mismatch"
    status = 502

    def __init__(self, expected: str, computed: str) -> None:
        super().__init__(
            f"archive hash mismatch: expected {expected}, got {computed}",
            hint="The bundle in the store was changed or replaced. Install the extension again.",
            details={"expected": expected, "computed": computed},
        )


class BundleCache:
    """Unpacked bundles below `root`, one folder for each content hash. Several processes may share `root`."""

    def __init__(self, root: Path, store: BundleStore, limits: ArchiveLimits = LIMITS, *, max_bytes: int = DISK_MAX_BYTES) -> None:
        """Removes what killed processes left in `root`. `max_bytes` bounds the unpacked bundles on disk that nobody uses."""
        self.root = root
        self.max_bytes = max_bytes
        self._store = store
        self._limits = limits
        self._verified: OrderedDict[str, UnpackedBundle] = OrderedDict()
        self._flights: dict[str, asyncio.Task[UnpackedBundle]] = {}
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        remove_leftovers(root)

    async def ensure(self, tenant_id: str, extension_id: str, sha256_hex: str) -> UnpackedBundle:
        """The unpacked bundle; fetched from the store when it is not here yet, by one fetch however many ask at once.

        Ids as in `bundle_key`; the hash with or without `sha256:`. A bundle that is here is used for every tenant: whether a tenant may
        have it is decided before. Every file is compared with its hash when this process first uses the bundle.

        Raises InvalidBundleKey, InvalidContentHash, BundleNotFound, BundleStoreUnavailable, ArchiveHashMismatch, ExtractFailed. After any
        of them nothing of the bundle is left on disk, and the next call tries again.
        """
        digest = hash_hex(sha256_hex)
        key = bundle_key(tenant_id, extension_id, digest)
        known = self._known(digest)
        if known is not None:
            return known
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.get_running_loop().create_task(self._fly(key, digest), name=f"fetch {digest[:12]}")
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        # Shielded: one caller that goes away must not take the bundle from the others.
        return await asyncio.shield(flight)

    @asynccontextmanager
    async def use(self, tenant_id: str, extension_id: str, sha256_hex: str) -> AsyncIterator[UnpackedBundle]:
        """As `ensure`, and the bundle stays on disk until the block ends, whatever this or another process has to make room for."""
        yield await self.ensure(tenant_id, extension_id, sha256_hex)

    async def close(self) -> None:
        """Ends fetches that are under way and waits until they have cleaned up."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _known(self, digest: str) -> UnpackedBundle | None:
        bundle = self._verified.get(digest)
        if bundle is None:
            return None
        if not (self.root / digest / READY).exists():
            del self._verified[digest]
            return None
        self._verified.move_to_end(digest)
        return bundle

    def _landed(self, key: str, flight: asyncio.Task[UnpackedBundle]) -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            flight.exception()

    async def _fly(self, key: str, digest: str) -> UnpackedBundle:
        """Two tenants may ask for one bundle under two keys: whoever comes second waits, and tries its own key if the first failed."""
        lock, users = self._locks.get(digest, (asyncio.Lock(), 0))
        self._locks[digest] = (lock, users + 1)
        try:
            async with lock:
                bundle = self._known(digest) or await asyncio.to_thread(open_unpacked, self.root / digest)
                if bundle is None:
                    bundle = await self._fetch(key, digest)
                self._verified[digest] = bundle
                if len(self._verified) > _REMEMBERED:
                    self._verified.popitem(last=False)
                return bundle
        finally:
            lock, users = self._locks[digest]
            if users == 1:
                del self._locks[digest]
            else:
                self._locks[digest] = (lock, users - 1)

    async def _fetch(self, key: str, digest: str) -> UnpackedBundle:
        try:
            with workspace(self.root) as folder:
                archive = folder / "bundle.tar.zst"
                computed = await self._download(key, archive)
                if computed != digest:
                    raise ArchiveHashMismatch(digest, computed)
                return await self._unpack_in_thread(archive, folder / "unpacked", digest)
        except OSError as error:
            raise ExtractFailed(f"The bundle could not be written to the cache ({error.strerror or type(error).__name__}).") from error

    async def _unpack_in_thread(self, archive: Path, folder: Path, digest: str) -> UnpackedBundle:
        """A thread cannot be cancelled: it is waited for even when the fetch is, so that it does not write into a removed folder."""
        work = asyncio.ensure_future(asyncio.to_thread(self._unpack, archive, folder, digest))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work])
            raise

    async def _download(self, key: str, archive: Path) -> str:
        """Writes the archive and returns the SHA-256 of what was written."""
        computed, size = hashlib.sha256(), 0
        with archive.open("xb") as file:
            # Closed here, not whenever it is collected: a store that goes on sending is hung up on.
            async with aclosing(self._store.get(key)) as pieces:
                async for piece in pieces:
                    size += len(piece)
                    if size > self._limits.compressed:
                        raise ExtractFailed(f"The archive has more than {self._limits.compressed} bytes.")
                    computed.update(piece)
                    await asyncio.to_thread(file.write, piece)
        return computed.hexdigest()

    def _unpack(self, archive: Path, folder: Path, digest: str) -> UnpackedBundle:
        unpack_bundle(archive, folder, self._limits)
        target = self.root / digest
        try:
            folder.rename(target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            # Another process was first, or what stands there is damaged: `open_unpacked` has just said so, or says so now.
            there = open_unpacked(target)
            if there is not None:
                return there
            self._discard(target)
            folder.rename(target)
        bundle = open_unpacked(target)
        if bundle is None:
            self._discard(target)
            raise ExtractFailed("The unpacked bundle is not what was written; the disk may be full or failing.")
        return bundle

    def _discard(self, target: Path) -> None:
        """Takes a damaged entry out of sight in one step, then removes it."""
        with workspace(self.root) as folder:
            target.rename(folder / "damaged")
            shutil.rmtree(folder / "damaged", ignore_errors=True)
