"""Publishing into an S3-compatible server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.open_store import open_store
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.database import Database
from holdfast.registry.errors import VersionConflict
from holdfast.registry.objects.pending import manifest_key
from holdfast.registry.publishing.uploads import abort_upload, finalize_upload, stage_upload
from holdfast.settings import Settings
from tests.bundles.s3_server import make_bucket, s3_server
from tests.error_codes import rejected
from tests.registry.collaborators import collaborators
from tests.registry.publisher import ADA, ONE_VERSION, Publisher


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[BundleStore]:
    with s3_server(tmp_path) as origin:
        given: dict[str, Any] = {"bundle_store_base": make_bucket(origin, "bundles"), "s3_access_key": "a", "s3_secret_key": "s"}
        yield open_store(Settings(_env_file=None, **given))


@pytest.fixture
def publisher(db: Database, store: FolderStore, tmp_path: Path) -> Publisher:
    return Publisher(db, store, tmp_path)


async def _content(store: BundleStore, key: str) -> bytes:
    return b"".join([piece async for piece in store.get(key)])


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    yield path.read_bytes()


async def test_publishing_and_being_refused_in_a_bucket(publisher: Publisher, bucket: BundleStore) -> None:
    archive = publisher.archive()
    done = await publisher.publish(archive, store=bucket)
    assert await _content(bucket, done.key) == archive.read_bytes() and await bucket.exists(manifest_key(done.key))
    other = publisher.archive(marker="other")
    with pytest.raises(VersionConflict):
        await publisher.publish(other, store=bucket)
    assert not await bucket.exists(done.key.replace(hash_file(archive), hash_file(other)))
    assert await publisher.rows() == ONE_VERSION


async def test_an_upload_goes_through_a_bucket(publisher: Publisher, bucket: BundleStore) -> None:
    archive = publisher.archive()
    size = archive.stat().st_size
    keys = []
    for _ in range(2):
        upload = await stage_upload(
            collaborators(publisher.db, bucket, now=publisher.clock),
            _pieces(archive),
            actor=ADA,
            filename="a",
            size=size,
            declared_hash=hash_file(archive),
        )
        keys.append(upload.key)
        assert await bucket.exists(upload.key)
    with rejected("HASH_MISMATCH"):
        await finalize_upload(
            collaborators(publisher.db, bucket, now=publisher.clock), keys[0], actor=ADA, declared_hash="0" * 64, check_component=None
        )
    done = await finalize_upload(collaborators(publisher.db, bucket, now=publisher.clock), keys[0], actor=ADA, check_component=None)
    assert await abort_upload(collaborators(publisher.db, bucket, now=publisher.clock), keys[1], actor=ADA) == "deleted"
    assert [await bucket.exists(key) for key in (*keys, done.key)] == [False, False, True]
    assert await publisher.rows() == ONE_VERSION
