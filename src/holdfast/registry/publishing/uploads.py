"""Uploaded archives that wait to be published: staged in the bundle store, with a row that records their tenant."""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import structlog
from msgspec import Struct
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.archive.limits import LIMITS
from holdfast.bundles.store.download import download_object
from holdfast.bundles.store.errors import BundleNotFound
from holdfast.bundles.store.hashing import normalize_content_hash
from holdfast.bundles.store.protocol import BundleStore
from holdfast.concurrency.threads import run_in_thread
from holdfast.concurrency.workspaces import temporary_folder
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.actors import Actor
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.errors import BadUpload, StagingNotFound
from holdfast.registry.models.publishing import ExtensionUpload
from holdfast.registry.objects.pending import register_pending, sweep_objects, try_cleanup_pending
from holdfast.registry.publishing.inspection import CheckComponent, hash_mismatch, read_archive
from holdfast.registry.publishing.publish import publish_archive
from holdfast.registry.publishing.results import Published

_log = structlog.get_logger(__name__)

MAX_UPLOAD_BYTES = LIMITS.compressed
"""A larger archive could be uploaded but not read."""
_FILENAME_CHARACTERS = 255
_KEY = re.compile(r"sha256/_staging/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/bundle\.tar\.zst", re.ASCII)


class Upload(Struct, frozen=True, kw_only=True):
    """An archive that waits under `key`. `size` is in bytes, `declared_hash` the hex digits that the client declared."""

    key: str
    filename: str
    size: int
    declared_hash: str | None


def is_staging_key(key: str) -> bool:
    """Whether it is the key of an upload, `sha256/_staging/{uuid}/bundle.tar.zst`; also of one that is gone."""
    return _KEY.fullmatch(key) is not None


async def stage_upload(
    using: Collaborators,
    body: AsyncIterator[bytes],
    *,
    actor: Actor,
    filename: str,
    size: int | None,
    declared_hash: str | None,
) -> Upload:
    """Stores an archive until the actor's tenant finalises it. `size` (bytes) and `declared_hash` (hex), if given, must be the body's.

    Raises BadUpload (`details.why`: filename_required, size_invalid, size_exceeds_cap, content_length_mismatch, missing_body),
    InvalidContentHash, RegistryError (`HASH_MISMATCH`), BundleStoreUnavailable; then nothing is stored.
    """
    name = _checked_filename(filename)
    _check_size(size)
    declared = None if declared_hash is None else normalize_content_hash(declared_hash)
    key = f"sha256/_staging/{uuid.uuid4()}/bundle.tar.zst"
    with temporary_folder("upload") as folder:
        received = folder / "bundle.tar.zst"
        sha256, length = await _receive(body, received, size)
        if size is not None and length != size:
            raise _bad("content_length_mismatch", f"The upload has {length} bytes, {size} were declared.")
        if length == 0:
            raise _bad("missing_body", "The upload is empty.")
        if declared is not None and declared != sha256:
            raise hash_mismatch(declared, sha256)
        upload = ExtensionUpload(
            key=key,
            tenant_id=actor.tenant_id,
            user_id=actor.user_id,
            filename=name,
            size_bytes=length,
            declared_hash=declared,
            content_hash=sha256,
            created_at=using.now(),
        )
        try:
            # The row first: a sweep cannot find an upload without one.
            async with using.db.transaction() as session:
                session.add(upload)
            await using.store.put(key, received)
        except BaseException:
            await _remove_failed(using, key)
            raise
    return Upload(key=key, filename=name, size=length, declared_hash=declared)


async def finalize_upload(
    using: Collaborators,
    key: str,
    *,
    actor: Actor,
    size: int | None = None,
    declared_hash: str | None = None,
    manifest_text: bytes | None = None,
    signature: bytes | None = None,
    check_component: CheckComponent | None,
) -> Published:
    """Publishes what was staged under `key`, as `publish_bundle` does, and removes it from the staging area.

    When it fails, the upload stays, and the same call can be repeated. Of two calls at once, one publishes.

    Raises StagingNotFound also for another tenant's upload; BadUpload when the key is not an upload's or `size` differs; what
    `publish_bundle` raises.
    """
    staged_id = new_id()

    async def consume(session: AsyncSession) -> None:
        owned = (ExtensionUpload.key == key, ExtensionUpload.tenant_id == actor.tenant_id)
        deleted = await session.execute(delete(ExtensionUpload).where(*owned).returning(ExtensionUpload.key))
        if deleted.scalar_one_or_none() is None:
            raise _not_found()
        await register_pending(session, key, staged_id, using.now())

    async with fetched_upload(using, key, actor=actor, size=size) as (archive, content_hash):
        read = await read_archive(archive, declared_hash=declared_hash or content_hash, manifest_text=manifest_text)
        published = await publish_archive(using, read, actor=actor, signature=signature, check_component=check_component, within=consume)
    await try_cleanup_pending(using.db, using.store, staged_id)
    return published


@asynccontextmanager
async def fetched_upload(using: Collaborators, key: str, *, actor: Actor, size: int | None) -> AsyncIterator[tuple[Path, str | None]]:
    """What was staged under `key` as a file, for the length of the block, and its SHA-256 in hex as it was uploaded.

    It is one copy for all following steps: what is hashed is also what is read and published. Raises StagingNotFound also for another
    tenant's upload; BadUpload when the key is not an upload's or `size` differs.
    """
    if not is_staging_key(key):
        raise _bad("key_invalid", "This is not the key of an upload.")
    async with using.db.session() as session:
        upload = await _upload(session, key, actor)
    if size is not None and size != upload.size_bytes:
        raise _bad("size_mismatch", f"The upload has {upload.size_bytes} bytes, not {size}.")
    with temporary_folder("finalize") as folder:
        archive = folder / "bundle.tar.zst"
        await _fetch(using.store, key, archive)
        yield archive, upload.content_hash


async def abort_upload(using: Collaborators, key: str, *, actor: Actor) -> str:
    """Deletes an upload. Returns "deleted", or "noop" for a key that is not an upload's, such as a published bundle's.

    Raises StagingNotFound, also for another tenant's upload. When the store is unavailable, a sweep removes the object later.
    """
    if not is_staging_key(key):
        return "noop"
    async with using.db.session() as session:
        await _upload(session, key, actor)
    await _remove(using.db, using.store, key, using.now)
    return "deleted"


async def sweep_uploads(db: Database, store: BundleStore, *, older_than: timedelta, now: Callable[[], datetime] = utc_now) -> int:
    """Removes uploads that were not finalised in that time, and objects that killed processes left. Returns the number of uploads."""
    async with db.session() as session:
        old = select(ExtensionUpload.key).where(ExtensionUpload.created_at < now() - older_than)
        keys = (await session.scalars(old)).all()
    for key in keys:
        await _remove(db, store, key, now)
    await sweep_objects(db, store, older_than=older_than, now=now)
    return len(keys)


async def _upload(session: AsyncSession, key: str, actor: Actor) -> ExtensionUpload:
    found = await session.scalar(select(ExtensionUpload).where(ExtensionUpload.key == key, ExtensionUpload.tenant_id == actor.tenant_id))
    if found is None:
        raise _not_found()
    return found


async def _remove(db: Database, store: BundleStore, key: str, now: Callable[[], datetime]) -> None:
    """Deletes the row at once, and the object at once or, when the store is unavailable, with a later sweep."""
    pending_id = new_id()
    async with db.transaction() as session:
        await session.execute(delete(ExtensionUpload).where(ExtensionUpload.key == key))
        await register_pending(session, key, pending_id, now())
    await try_cleanup_pending(db, store, pending_id)


async def _remove_failed(using: Collaborators, key: str) -> None:
    """As `_remove`, after a failed upload, but logs errors: when the database is down, a sweep does it later."""
    task = asyncio.ensure_future(_remove(using.db, using.store, key, using.now))
    await asyncio.wait([task])
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("failed_upload_not_removed", key=key, error=type(error).__name__)


async def _receive(body: AsyncIterator[bytes], target: Path, size: int | None) -> tuple[str, int]:
    """Writes the body to a file. Returns its SHA-256 (hex) and length. Stops reading at the limit."""
    limit = MAX_UPLOAD_BYTES if size is None else size
    digest, length = hashlib.sha256(), 0
    with target.open("wb") as file:
        async for piece in body:
            length += len(piece)
            if length > limit:
                why = "size_exceeds_cap" if size is None else "content_length_mismatch"
                raise _bad(why, f"The upload has more than {limit} bytes.")
            digest.update(piece)
            await run_in_thread(partial(file.write, piece))
    return digest.hexdigest(), length


async def _fetch(store: BundleStore, key: str, target: Path) -> None:
    try:
        await download_object(store, key, target)
    except BundleNotFound:
        raise _not_found() from None


def _checked_filename(filename: str) -> str:
    name = filename.strip()
    if not name:
        raise _bad("filename_required", "The upload has no file name.")
    # For people only: no file gets this name.
    return "".join(character for character in name if character.isprintable())[:_FILENAME_CHARACTERS]


def _check_size(size: int | None) -> None:
    if size is None:
        return
    if size <= 0:
        raise _bad("size_invalid", "The size of the upload is not a positive number of bytes.")
    if size > MAX_UPLOAD_BYTES:
        raise _bad("size_exceeds_cap", f"A bundle has at most {MAX_UPLOAD_BYTES} bytes.")


def _bad(why: str, message: str) -> BadUpload:
    return BadUpload(message, details={"why": why})


def _not_found() -> StagingNotFound:
    return StagingNotFound("The upload does not exist.", hint="Upload the bundle again.")
