"""Fetches one bundle from the store into the cache.

store ──▶ .work-X/bundle.tar.zst ──▶ hash compared ──▶ .work-X/unpacked/ ──▶ renamed to <hash>/ ──▶ entry, acquired
                    │                      │                   │                     │
                    └──────────────────────┴── any error or cancellation: .work-X is removed, nothing is left
                                               (killed: .work-X is stale, the next process removes it)
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from contextlib import aclosing
from pathlib import Path

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.layout import BUNDLE_NAME
from holdfast.bundles.archive.limits import ArchiveLimits
from holdfast.bundles.cache.entries import Entry, publish_entry
from holdfast.bundles.cache.errors import ArchiveHashMismatch, cache_not_writable
from holdfast.bundles.cache.unpacked import unpack_bundle
from holdfast.bundles.store.protocol import BundleStore
from holdfast.concurrency.threads import run_in_thread
from holdfast.concurrency.workspaces import workspace


async def fetch_entry(store: BundleStore, key: str, folder: Path, limits: ArchiveLimits) -> Entry:
    """Creates the entry `folder` from the object under `key`, and returns it acquired. The folder's name is the content hash in hex.

    Raises BundleNotFound, BundleStoreUnavailable, ArchiveHashMismatch, ExtractFailed (also when the cache folder cannot be written).
    After an error or a cancellation, nothing of the bundle is left on disk.
    """
    digest = folder.name
    try:
        with workspace(folder.parent) as work:
            try:
                archive = work / BUNDLE_NAME
                computed = await _download(store, key, archive, limits)
                if computed != digest:
                    raise ArchiveHashMismatch(digest, computed)
                return await run_in_thread(lambda: _unpack(archive, work, folder, limits), Entry.release)
            except BaseException:
                # In a thread: a bundle that failed half-way can have thousands of files.
                await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)
                raise
    except OSError as error:
        raise cache_not_writable(error) from error


def _unpack(archive: Path, work: Path, folder: Path, limits: ArchiveLimits) -> Entry:
    """Unpacks and publishes the entry. Empties `work` when it succeeds, because `workspace` would do that in the event loop."""
    unpacked = work / "unpacked"
    unpack_bundle(archive, unpacked, limits, folder.name)
    entry = publish_entry(unpacked, folder)
    shutil.rmtree(work, ignore_errors=True)
    return entry


async def _download(store: BundleStore, key: str, archive: Path, limits: ArchiveLimits) -> str:
    """Writes the archive; returns the SHA-256 (hex) of the bytes written."""
    computed, size = hashlib.sha256(), 0
    with archive.open("xb") as file:
        # Closed at the end of the block and not by the garbage collector, so that a store that keeps sending is disconnected at once.
        async with aclosing(store.get(key)) as pieces:
            async for piece in pieces:
                size += len(piece)
                if size > limits.compressed:
                    raise ExtractFailed("compressed_size", f"The archive has more than {limits.compressed} bytes.")
                computed.update(piece)
                await asyncio.to_thread(file.write, piece)
    return computed.hexdigest()
