"""Whole objects of a bundle store: their hash, and downloads into a file."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import aclosing
from functools import partial
from pathlib import Path

from holdfast.bundles.store.errors import BundleNotFound
from holdfast.bundles.store.protocol import BundleStore
from holdfast.concurrency.threads import run_in_thread


async def hash_stored_object(store: BundleStore, key: str) -> str | None:
    """The SHA-256 (hex) of the object under a key; None when there is none. Raises BundleStoreUnavailable."""
    digest = hashlib.sha256()
    try:
        async with aclosing(store.get(key)) as pieces:
            async for piece in pieces:
                await asyncio.to_thread(digest.update, piece)
    except BundleNotFound:
        return None
    return digest.hexdigest()


async def download_object(store: BundleStore, key: str, target: Path) -> str:
    """Writes the object under a key to a file; returns its SHA-256 (hex). Raises BundleNotFound, BundleStoreUnavailable, OSError."""
    digest = hashlib.sha256()
    with target.open("wb") as file:
        async with aclosing(store.get(key)) as pieces:
            async for piece in pieces:
                await asyncio.to_thread(digest.update, piece)
                # Not `to_thread`: after a cancellation the file must not be closed while a thread still writes to it.
                await run_in_thread(partial(file.write, piece))
    return digest.hexdigest()
