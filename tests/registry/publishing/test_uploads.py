"""Uploads: staged, then published or aborted, only by the tenant that uploaded them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import InvalidBundleKey
from holdfast.records.database.database import Database
from holdfast.registry.actors import Actor
from holdfast.registry.errors import BadUpload, StagingNotFound, VersionConflict
from holdfast.registry.models.publishing import ExtensionUpload
from holdfast.registry.publishing import uploads
from holdfast.registry.publishing.results import Published
from holdfast.registry.publishing.uploads import Upload, abort_upload, finalize_upload, is_staging_key, stage_upload, sweep_uploads
from tests.bundles.signers import Signers
from tests.error_codes import rejected
from tests.records.databases import TENANT
from tests.registry.collaborators import collaborators
from tests.registry.extensions import UNSIGNED_TOO
from tests.registry.publisher import ADA, EVE, ONE_VERSION, Publisher

HOUR = timedelta(hours=1)


class Uploader(Publisher):
    """Takes uploads in, too."""

    async def stage(self, content: bytes | None = None, *, actor: Actor = ADA, **given: Any) -> Upload:
        data = self.archive().read_bytes() if content is None else content
        full: dict[str, Any] = {"filename": "bundle.tar.zst", "size": len(data), "declared_hash": None} | given
        return await stage_upload(collaborators(self.db, self.store, now=self.clock), pieces(data), actor=actor, **full)

    async def finalize(self, key: str, *, actor: Actor = ADA, **given: Any) -> Published:
        full: dict[str, Any] = {"check_component": self.check_component} | given
        policy = full.pop("policy", UNSIGNED_TOO)
        return await finalize_upload(collaborators(self.db, self.store, policy=policy, now=self.clock), key, actor=actor, **full)

    async def abort(self, key: str, *, actor: Actor = ADA) -> str:
        return await abort_upload(collaborators(self.db, self.store, now=self.clock), key, actor=actor)

    async def sweep(self, older_than: timedelta = HOUR) -> int:
        return await sweep_uploads(self.db, self.store, older_than=older_than, now=self.clock)


async def pieces(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.fixture
def uploader(db: Database, store: FolderStore, tmp_path: Path) -> Uploader:
    return Uploader(db, store, tmp_path)


async def test_an_upload_waits_in_the_staging_area_with_a_row_that_says_whose_it_is(uploader: Uploader) -> None:
    archive = uploader.archive()
    digest = hash_file(archive)
    upload = await uploader.stage(archive.read_bytes(), filename=" notes.tar.zst ", declared_hash=digest)
    assert is_staging_key(upload.key) and uploader.objects() == [upload.key]
    assert (upload.filename, upload.size, upload.declared_hash) == ("notes.tar.zst", archive.stat().st_size, digest)
    assert (uploader.store.root / upload.key).read_bytes() == archive.read_bytes()
    async with uploader.db.session() as session:
        row = (await session.scalars(select(ExtensionUpload))).one()
    assert (row.key, row.tenant_id, row.user_id, row.filename) == (upload.key, TENANT, "ada", "notes.tar.zst")
    assert (row.size_bytes, row.declared_hash, row.content_hash, row.created_at) == (upload.size, digest, digest, uploader.clock())


async def test_an_upload_of_unknown_size_is_accepted_too(uploader: Uploader) -> None:
    archive = uploader.archive()
    assert (await uploader.stage(archive.read_bytes(), size=None)).size == archive.stat().st_size


@pytest.mark.parametrize(
    ("content", "given", "why"),
    [
        (b"12345", {"size": 4}, "content_length_mismatch"),
        (b"12345", {"size": 6}, "content_length_mismatch"),
        (b"12345", {"size": 0}, "size_invalid"),
        (b"12345", {"size": -1}, "size_invalid"),
        (b"12345", {"size": 200 * 1024 * 1024 + 1}, "size_exceeds_cap"),
        (b"12345", {"filename": "  "}, "filename_required"),
        (b"", {"size": None}, "missing_body"),
    ],
)
async def test_an_upload_that_is_not_as_declared_leaves_nothing(
    uploader: Uploader, content: bytes, given: dict[str, Any], why: str
) -> None:
    with pytest.raises(BadUpload) as refused:
        await uploader.stage(content, **given)
    assert (refused.value.status, refused.value.code, refused.value.details) == (400, "BAD_REQUEST", {"why": why})
    assert (uploader.objects(), await uploader.rows()) == ([], {})


async def test_an_upload_of_another_hash_is_refused(uploader: Uploader) -> None:
    with rejected("HASH_MISMATCH") as refused:
        await uploader.stage(b"12345", declared_hash="0" * 64)
    assert refused.value.details["declared"] == "0" * 64
    assert (uploader.objects(), await uploader.rows()) == ([], {})


async def test_a_body_is_read_no_further_than_what_may_come(uploader: Uploader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_UPLOAD_BYTES", 10_000)
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1000
            yield bytes(1000)

    for size, why in ((None, "size_exceeds_cap"), (5_000, "content_length_mismatch")):
        read = 0
        with pytest.raises(BadUpload) as refused:
            await stage_upload(
                collaborators(uploader.db, uploader.store), endless(), actor=ADA, filename="a", size=size, declared_hash=None
            )
        assert refused.value.details == {"why": why} and read <= 11_000
    assert (uploader.objects(), await uploader.rows()) == ([], {})


async def test_a_sender_that_goes_away_leaves_nothing(uploader: Uploader) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"12345"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await stage_upload(collaborators(uploader.db, uploader.store), broken(), actor=ADA, filename="a", size=10, declared_hash=None)
    assert (uploader.objects(), await uploader.rows()) == ([], {})


async def test_an_upload_is_published_and_leaves_the_staging_area(uploader: Uploader) -> None:
    archive = uploader.archive()
    upload = await uploader.stage(archive.read_bytes())
    done = await uploader.finalize(upload.key, size=upload.size, declared_hash=hash_file(archive))
    assert (done.version, done.content_hash) == ("1.0.0", f"sha256:{hash_file(archive)}")
    assert uploader.names() == {"bundle.tar.zst": 1, "manifest.json": 1} and (uploader.store.root / done.key).is_file()
    assert await uploader.rows() == ONE_VERSION
    with pytest.raises(StagingNotFound):
        await uploader.finalize(upload.key)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"size": 1}, "BAD_REQUEST"),
        ({"declared_hash": "0" * 64}, "HASH_MISMATCH"),
        ({"manifest_text": b"{}"}, "MANIFEST_MISMATCH"),
        ({"policy": "strict"}, "signature_missing"),
    ],
)
async def test_what_was_refused_waits_on_and_can_be_finalised_again(uploader: Uploader, given: dict[str, Any], code: str) -> None:
    strict = {"policy": Signers(uploader.folder / "trusted-keys.json", required=True).policy}
    upload = await uploader.stage()
    with rejected(code):
        await uploader.finalize(upload.key, **(strict if "policy" in given else given))
    assert uploader.objects() == [upload.key] and await uploader.rows() == {"extension_upload": 1}
    assert (await uploader.finalize(upload.key)).version == "1.0.0"
    assert await uploader.rows() == ONE_VERSION


async def test_what_is_no_archive_is_refused_when_it_is_finalised(uploader: Uploader) -> None:
    upload = await uploader.stage(b"no archive")
    with pytest.raises(ExtractFailed):
        await uploader.finalize(upload.key)
    assert uploader.objects() == [upload.key]


async def test_what_was_changed_in_the_staging_area_is_refused(uploader: Uploader) -> None:
    upload = await uploader.stage()
    (uploader.store.root / upload.key).write_bytes(uploader.archive(marker="changed").read_bytes())
    with rejected("HASH_MISMATCH"):
        await uploader.finalize(upload.key)


async def test_a_version_that_exists_is_refused_and_the_upload_waits_on(uploader: Uploader) -> None:
    await uploader.publish()
    upload = await uploader.stage()
    with pytest.raises(VersionConflict):
        await uploader.finalize(upload.key)
    assert upload.key in uploader.objects() and await uploader.rows() == ONE_VERSION | {"extension_upload": 1}


@pytest.mark.parametrize("version", ["1.0.0", "1.0.*"])
async def test_of_two_that_finalise_at_once_one_publishes(uploader: Uploader, version: str) -> None:
    upload = await uploader.stage(uploader.archive(version=version).read_bytes())
    ends = await asyncio.gather(*[uploader.finalize(upload.key) for _ in range(8)], return_exceptions=True)
    assert sum(isinstance(end, Published) for end in ends) == 1
    assert all(isinstance(end, Published | StagingNotFound | VersionConflict) for end in ends)
    assert await uploader.versions() == ["1.0.0"] and await uploader.rows() == ONE_VERSION
    assert uploader.names() == {"bundle.tar.zst": 1, "manifest.json": 1}


async def test_another_tenants_upload_does_not_exist(uploader: Uploader) -> None:
    upload = await uploader.stage()
    unknown = "sha256/_staging/00000000-0000-4000-8000-000000000000/bundle.tar.zst"
    reported = set()
    for key in (upload.key, unknown):
        for attempt in (uploader.finalize(key, actor=EVE, size=1), uploader.abort(key, actor=EVE)):
            with pytest.raises(StagingNotFound) as refused:
                await attempt
            reported.add((refused.value.status, str(refused.value), str(refused.value.details)))
    assert len(reported) == 1 and uploader.objects() == [upload.key]


@pytest.mark.parametrize(
    "key", ["", "sha256/_staging/../../etc/bundle.tar.zst", "tenants/a/_staging/b/bundle.tar.zst", "sha256/a/bundle.tar.zst"]
)
async def test_the_key_of_something_else_is_refused(uploader: Uploader, key: str) -> None:
    with pytest.raises(BadUpload):
        await uploader.finalize(key)


async def test_an_upload_that_is_aborted_is_gone(uploader: Uploader) -> None:
    upload = await uploader.stage()
    assert await uploader.abort(upload.key) == "deleted"
    assert (uploader.objects(), await uploader.rows()) == ([], {})
    with pytest.raises(StagingNotFound):
        await uploader.abort(upload.key)


async def test_a_published_bundle_cannot_be_aborted(uploader: Uploader) -> None:
    done = await uploader.publish()
    for key in (done.key, f"sha256/{'0' * 64}/bundle.tar.zst"):
        assert await uploader.abort(key) == "noop"
    assert (uploader.store.root / done.key).is_file()


async def test_the_sweep_removes_what_is_old_and_nothing_else(uploader: Uploader) -> None:
    old = await uploader.stage()
    uploader.clock.advance(3600)
    young = await uploader.stage()
    assert await uploader.sweep() == 0
    uploader.clock.advance(1)
    assert await uploader.sweep() == 1
    assert uploader.objects() == [young.key] and await uploader.rows() == {"extension_upload": 1}
    with pytest.raises(StagingNotFound):
        await uploader.finalize(old.key)


async def test_what_a_store_that_is_down_keeps_is_swept_up_later(uploader: Uploader, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = await uploader.stage()

    async def down(key: str) -> None:
        raise BundleStoreUnavailable("The bundle store is down.")

    with monkeypatch.context() as patched:
        patched.setattr(uploader.store, "delete", down)
        assert (await uploader.finalize(upload.key)).version == "1.0.0"
    assert upload.key in uploader.objects()
    uploader.clock.advance(3601)
    await uploader.sweep()
    assert upload.key not in uploader.objects() and await uploader.rows() == ONE_VERSION


async def test_a_store_that_takes_nothing_leaves_no_row(uploader: Uploader, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(key: str, source: Path) -> None:
        raise BundleStoreUnavailable("The bundle store is down.")

    monkeypatch.setattr(uploader.store, "put", down)
    with pytest.raises(BundleStoreUnavailable):
        await uploader.stage()
    assert (uploader.objects(), await uploader.rows()) == ([], {})


async def test_an_actor_of_a_tenant_that_is_no_path_publishes_nothing(uploader: Uploader) -> None:
    with pytest.raises(InvalidBundleKey):
        await uploader.publish(actor=Actor(tenant_id="../../etc", user_id="mallory"))
    assert (uploader.objects(), await uploader.rows()) == ([], {})
