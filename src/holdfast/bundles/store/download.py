"""Whole objects of a bundle store: their hash, and bringing one into a file."""

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
    """The SHA-256 (hex) of what lies under a key; None when there is nothing. Raises BundleStoreUnavailable."""
    digest = hashlib.sha256()
    try:
        async with aclosing(store.get(key)) as pieces:
            async for piece in pieces:
                await asyncio.to_thread(digest.update, piece)
    except BundleNotFound:
        return None
    return digest.hexdigest()


async def download_object(store: BundleStore, key: str, target: Path) -> str:
    """Writes what lies under a key into a file; its SHA-256 (hex). Raises BundleNotFound, BundleStoreUnavailable, OSError."""
    digest = hashlib.sha256()
    with target.open("wb") as file:
        async with aclosing(store.get(key)) as pieces:
            async for piece in pieces:
                await asyncio.to_thread(digest.update, piece)
                await run_in_thread(partial(file.write, piece))
    return digest.hexdigest()
