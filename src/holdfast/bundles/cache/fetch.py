"""One bundle from the store into the cache: downloaded, compared with its hash, unpacked, put in place."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from contextlib import aclosing
from pathlib import Path

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.limits import ArchiveLimits
from holdfast.bundles.cache.entries import Entry, put_in_place
from holdfast.bundles.cache.errors import ArchiveHashMismatch, CacheUnusable
from holdfast.bundles.cache.unpacked import unpack_bundle
from holdfast.bundles.cache.workspace import workspace
from holdfast.bundles.store.protocol import BundleStore
from holdfast.concurrency.threads import in_thread


async def fetch_entry(store: BundleStore, key: str, folder: Path, limits: ArchiveLimits) -> Entry:
    """Makes the entry `folder`, which is named by the bundle's hash in hex, of what the store has under `key`; taken once.

    Raises BundleNotFound, BundleStoreUnavailable, ArchiveHashMismatch, ExtractFailed, CacheUnusable. After any of them, and when it is
    cancelled, nothing of the bundle is left on disk.
    """
    digest = folder.name
    try:
        with workspace(folder.parent) as work:
            try:
                archive = work / "bundle.tar.zst"
                computed = await _download(store, key, archive, limits)
                if computed != digest:
                    raise ArchiveHashMismatch(digest, computed)
                return await in_thread(lambda: _unpack(archive, work, folder, limits), Entry.give)
            except BaseException:
                # In a thread, since what failed may have thousands of files.
                await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)
                raise
    except OSError as error:
        raise CacheUnusable(error) from error


def _unpack(archive: Path, work: Path, folder: Path, limits: ArchiveLimits) -> Entry:
    """Leaves `work` empty when it succeeds."""
    made = work / "unpacked"
    unpack_bundle(archive, made, limits, folder.name)
    entry = put_in_place(made, folder)
    shutil.rmtree(work, ignore_errors=True)
    return entry


async def _download(store: BundleStore, key: str, archive: Path, limits: ArchiveLimits) -> str:
    """Writes the archive and returns the SHA-256 of what was written."""
    computed, size = hashlib.sha256(), 0
    with archive.open("xb") as file:
        # Closed here, not whenever it is collected: a store that goes on sending is hung up on.
        async with aclosing(store.get(key)) as pieces:
            async for piece in pieces:
                size += len(piece)
                if size > limits.compressed:
                    raise ExtractFailed(f"The archive has more than {limits.compressed} bytes.")
                computed.update(piece)
                await asyncio.to_thread(file.write, piece)
    return computed.hexdigest()
