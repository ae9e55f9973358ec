"""Finalising an upload that fails at any step: it waits on, or it is published; the same again succeeds, and a sweep tidies up."""

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
from holdfast.registry.publishing.publish import Published
from holdfast.registry.publishing.uploads import Upload, abort_upload, finalize_upload, stage_upload, sweep_uploads
from tests.registry.collaborators import collaborators
from tests.registry.faults import FailingStore, Trouble, failing
from tests.registry.published import ADA, ONE_VERSION, Press

pytestmark = pytest.mark.slow

KINDS = ["once", "once, after its effect", "lasting"]


@pytest.fixture
def press(db: Database, store: FolderStore, tmp_path: Path) -> Press:
    return Press(db, store, tmp_path)


async def _stage(press: Press, step: int, store: BundleStore | None = None) -> Upload:
    data = press.archive(publisher=f"publisher-{step}", name=f"extension-{step}").read_bytes()

    async def body() -> AsyncIterator[bytes]:
        yield data

    return await stage_upload(
        collaborators(press.db, store or press.store, now=press.clock), body(), actor=ADA, filename="a", size=len(data), declared_hash=None
    )


async def _finalize(press: Press, key: str, store: BundleStore) -> Published:
    return await finalize_upload(collaborators(press.db, store, now=press.clock), key, actor=ADA, check_component=None)


async def _sweep(press: Press) -> None:
    press.clock.advance(3601)
    await sweep_uploads(press.db, press.store, older_than=timedelta(hours=1), now=press.clock)


async def _state(press: Press) -> tuple[Counter[str], list[str]]:
    return Counter(await press.rows()), press.objects()


def _trouble(kind: str, step: int) -> Trouble:
    return Trouble(step, lasting=kind == "lasting", late=kind == "once, after its effect")


@pytest.mark.parametrize("kind", KINDS)
async def test_finalising_with_trouble_at_any_step(press: Press, kind: str) -> None:
    for step in range(1, 500):
        empty = await _state(press)
        upload = await _stage(press, step)
        waiting = await _state(press)
        trouble = _trouble(kind, step)
        try:
            with failing(press.db, trouble):
                await _finalize(press, upload.key, FailingStore(press.store, trouble))
        except (BundleStoreUnavailable, OperationalError):
            trouble.over = True
            if not trouble.lasting:
                assert await _state(press) == waiting
            await _finalize(press, upload.key, press.store)
        trouble.over = True
        await _sweep(press)
        rows, objects = await _state(press)
        more = sorted(Path(key).name for key in set(objects) - set(empty[1]))
        assert rows == empty[0] + Counter(ONE_VERSION) and more == ["bundle.tar.zst", "manifest.json"]
        with pytest.raises(StagingNotFound):
            await _finalize(press, upload.key, press.store)
        if not trouble.struck:
            break
    assert 20 < step < 499


@pytest.mark.parametrize("kind", KINDS)
async def test_staging_with_trouble_at_any_step(press: Press, kind: str) -> None:
    for step in range(1, 500):
        trouble = _trouble(kind, step)
        try:
            with failing(press.db, trouble):
                upload = await _stage(press, step, FailingStore(press.store, trouble))
        except (BundleStoreUnavailable, OperationalError):
            trouble.over = True
            if not trouble.lasting:
                assert await _state(press) == (Counter(), [])
        else:
            assert press.objects() == [upload.key]
        trouble.over = True
        await _sweep(press)
        assert await _state(press) == (Counter(), [])
        if not trouble.struck:
            break
    assert 2 < step < 499


@pytest.mark.parametrize("kind", KINDS)
async def test_aborting_with_trouble_at_any_step(press: Press, kind: str) -> None:
    for step in range(1, 500):
        upload = await _stage(press, step)
        trouble = _trouble(kind, step)
        try:
            with failing(press.db, trouble):
                await abort_upload(collaborators(press.db, FailingStore(press.store, trouble), now=press.clock), upload.key, actor=ADA)
        except (BundleStoreUnavailable, OperationalError):
            trouble.over = True
            if kind != "once, after its effect":
                assert await abort_upload(collaborators(press.db, press.store, now=press.clock), upload.key, actor=ADA) == "deleted"
        trouble.over = True
        await _sweep(press)
        assert await _state(press) == (Counter(), [])
        if not trouble.struck:
            break
    assert 2 < step < 499
