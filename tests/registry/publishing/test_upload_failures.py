"""Finalising an upload that fails at any step: it stays, or it is published; repeating it succeeds, and a sweep cleans up."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.database import Database
from holdfast.registry.errors import StagingNotFound
from holdfast.registry.publishing.results import Published
from holdfast.registry.publishing.uploads import Upload, abort_upload, finalize_upload, stage_upload, sweep_uploads
from tests.registry.collaborators import collaborators
from tests.registry.faults import FailingStore, Failure, failing, steps
from tests.registry.publisher import ADA, ONE_VERSION, Publisher

pytestmark = pytest.mark.slow

KINDS = ["once", "once, after its effect", "lasting"]


@pytest.fixture
def publisher(db: Database, store: FolderStore, tmp_path: Path) -> Publisher:
    return Publisher(db, store, tmp_path)


async def _stage(publisher: Publisher, step: int, store: BundleStore | None = None) -> Upload:
    data = publisher.archive(publisher=f"publisher-{step}", name=f"extension-{step}").read_bytes()

    async def body() -> AsyncIterator[bytes]:
        yield data

    return await stage_upload(
        collaborators(publisher.db, store or publisher.store, now=publisher.clock),
        body(),
        actor=ADA,
        filename="a",
        size=len(data),
        declared_hash=None,
    )


async def _finalize(publisher: Publisher, key: str, store: BundleStore) -> Published:
    return await finalize_upload(collaborators(publisher.db, store, now=publisher.clock), key, actor=ADA, check_component=None)


async def _sweep(publisher: Publisher) -> None:
    publisher.clock.advance(3601)
    await sweep_uploads(publisher.db, publisher.store, older_than=timedelta(hours=1), now=publisher.clock)


async def _state(publisher: Publisher) -> tuple[Counter[str], list[str]]:
    return Counter(await publisher.rows()), publisher.objects()


def _failure(kind: str, step: int) -> Failure:
    return Failure(step, lasting=kind == "lasting", late=kind == "once, after its effect")


@pytest.mark.parametrize("kind", KINDS)
async def test_finalising_with_a_failure_at_any_step(publisher: Publisher, kind: str) -> None:
    for step in steps(shift=KINDS.index(kind)):
        empty = await _state(publisher)
        upload = await _stage(publisher, step)
        waiting = await _state(publisher)
        failure = _failure(kind, step)
        try:
            with failing(publisher.db, failure):
                await _finalize(publisher, upload.key, FailingStore(publisher.store, failure))
        except (BundleStoreUnavailable, OperationalError):
            failure.over = True
            if not failure.lasting:
                assert await _state(publisher) == waiting
            await _finalize(publisher, upload.key, publisher.store)
        failure.over = True
        await _sweep(publisher)
        rows, objects = await _state(publisher)
        more = sorted(Path(key).name for key in set(objects) - set(empty[1]))
        assert rows == empty[0] + Counter(ONE_VERSION) and more == ["bundle.tar.zst", "manifest.json"]
        with pytest.raises(StagingNotFound):
            await _finalize(publisher, upload.key, publisher.store)
        if not failure.happened:
            break
    assert step > 20


@pytest.mark.parametrize("kind", KINDS)
async def test_staging_with_a_failure_at_any_step(publisher: Publisher, kind: str) -> None:
    for step in steps(shift=KINDS.index(kind)):
        failure = _failure(kind, step)
        try:
            with failing(publisher.db, failure):
                upload = await _stage(publisher, step, FailingStore(publisher.store, failure))
        except (BundleStoreUnavailable, OperationalError):
            failure.over = True
            if not failure.lasting:
                assert await _state(publisher) == (Counter(), [])
        else:
            assert publisher.objects() == [upload.key]
        failure.over = True
        await _sweep(publisher)
        assert await _state(publisher) == (Counter(), [])
        if not failure.happened:
            break
    assert step > 2


@pytest.mark.parametrize("kind", KINDS)
async def test_aborting_with_a_failure_at_any_step(publisher: Publisher, kind: str) -> None:
    for step in steps(shift=KINDS.index(kind)):
        upload = await _stage(publisher, step)
        failure = _failure(kind, step)
        try:
            with failing(publisher.db, failure):
                await abort_upload(
                    collaborators(publisher.db, FailingStore(publisher.store, failure), now=publisher.clock), upload.key, actor=ADA
                )
        except (BundleStoreUnavailable, OperationalError):
            failure.over = True
            if kind != "once, after its effect":
                assert (
                    await abort_upload(collaborators(publisher.db, publisher.store, now=publisher.clock), upload.key, actor=ADA)
                    == "deleted"
                )
        failure.over = True
        await _sweep(publisher)
        assert await _state(publisher) == (Counter(), [])
        if not failure.happened:
            break
    assert step > 2
