"""Putting a bundle into the store and recording it: both, or neither."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.signing.signature_storage import read_stored_signature, store_signature
from holdfast.bundles.store.download import stored_hash
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.columns import new_id
from holdfast.records.database.database import Database
from holdfast.registry.errors import PublishInterrupted
from holdfast.registry.objects.pending import announce, conclude, manifest_key, settled
from holdfast.registry.publishing.inspection import ReadArchive, require_unchanged

T = TypeVar("T")
_ATTEMPTS = 10


class _Swept(PublishInterrupted):
    """Raised when a sweep has taken this for something that a killed process left."""


async def placed_and_recorded(
    db: Database,
    store: BundleStore,
    key: str,
    place: Callable[[], Awaitable[None]],
    record: Callable[[AsyncSession], Awaitable[T]],
    now: Callable[[], datetime],
) -> T:
    """Puts an object, `key`, into the store with `place`, and then writes the rows that need it with `record`; its result.

    `record` runs in a transaction that is tried again when somebody wrote the same new row. When all fails, or is cancelled, the object
    goes unless others need it, and the rows never were. Raises what the two raise, PublishInterrupted, errors of the database.
    """
    pending_id = new_id()
    done: list[T] = []
    try:
        async with db.transaction() as session:
            await announce(session, key, pending_id, now())
        await place()
        for attempt in range(_ATTEMPTS):
            done.clear()
            try:
                async with db.transaction() as session:
                    recorded = await record(session)
                    if not await conclude(session, pending_id):
                        raise _Swept("Publishing took too long and was given up.", hint="Publish the bundle again.")
                    done.append(recorded)
                return recorded
            except IntegrityError:
                # Two wrote the same new row, and this is the one that lost: now it is there to be read.
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")
    except BaseException as error:
        undone = await settled(db, store, pending_id)
        # The connection was lost while it committed, and the transaction that concluded it is there: it has succeeded.
        if done and undone is False and isinstance(error, Exception):
            return done[0]
        if isinstance(error, _Swept):
            # What was put after the sweep came by is announced by nobody.
            await _remove_unneeded(db, store, key, now)
        raise


async def _remove_unneeded(db: Database, store: BundleStore, key: str, now: Callable[[], datetime]) -> None:
    pending_id = new_id()
    async with db.transaction() as session:
        await announce(session, key, pending_id, now())
    await settled(db, store, pending_id)


async def place_bundle(store: BundleStore, key: str, read: ReadArchive, signature: bytes | None) -> None:
    """Puts the archive, its signature and its manifest where they are not yet. What is there already is replaced when it is damaged.

    Raises PublishInterrupted when the file is not the one that was read, BundleStoreUnavailable.
    """
    if await stored_hash(store, key) != read.sha256:
        await store.put(key, read.path)
        await asyncio.to_thread(require_unchanged, read)
    if signature is not None and signature != await read_stored_signature(store, key):
        await store_signature(store, key, signature)
    if not await store.exists(manifest_key(key)):
        with tempfile.TemporaryDirectory(prefix="holdfast-manifest-") as folder:
            written = Path(folder) / "manifest.json"
            written.write_text(json.dumps(read.manifest.raw, ensure_ascii=False, indent=2), encoding="utf-8")
            await store.put(manifest_key(key), written)
