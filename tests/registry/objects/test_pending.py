"""Objects on their way into the store: they stay while a bundle or a pending row needs them, and are removed after that."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.bundles.signing.signature_storage import read_stored_signature, signature_key, store_signature
from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.objects.pending import (
    cleanup_pending,
    commit_pending,
    manifest_key,
    register_pending,
    sweep_objects,
    try_cleanup_pending,
)
from tests.bundles.signers import Signers, signature_of
from tests.records.databases import TENANT
from tests.registry.collaborators import collaborators
from tests.registry.faults import FailingStore, Failure
from tests.registry.publisher import ADA, EVE, Publisher

KEY = f"tenants/{TENANT}/extensions/{new_id()}/sha256/{'a' * 64}/bundle.tar.zst"


@pytest.fixture
def publisher(db: Database, store: FolderStore, tmp_path: Path) -> Publisher:
    return Publisher(db, store, tmp_path)


async def _register(publisher: Publisher, key: str = KEY) -> str:
    pending_id = new_id()
    async with publisher.db.transaction() as session:
        await register_pending(session, key, pending_id, publisher.clock())
    return pending_id


async def _put(publisher: Publisher, key: str = KEY) -> None:
    for object_key in (key, signature_key(key), manifest_key(key)):
        await publisher.store.put(object_key, publisher.archive())


async def test_an_unneeded_object_is_removed_with_its_signature_and_manifest(publisher: Publisher) -> None:
    pending_id = await _register(publisher)
    await _put(publisher)
    assert await cleanup_pending(publisher.db, publisher.store, pending_id)
    assert (publisher.objects(), await publisher.rows()) == ([], {})


async def test_what_was_concluded_stays_and_is_not_settled(publisher: Publisher) -> None:
    pending_id = await _register(publisher)
    await _put(publisher)
    async with publisher.db.transaction() as session:
        assert await commit_pending(session, pending_id)
    assert not await cleanup_pending(publisher.db, publisher.store, pending_id)
    assert len(publisher.objects()) == 3


async def test_what_was_settled_cannot_be_concluded(publisher: Publisher) -> None:
    pending_id = await _register(publisher)
    assert await cleanup_pending(publisher.db, publisher.store, pending_id)
    async with publisher.db.transaction() as session:
        assert not await commit_pending(session, pending_id)


async def test_as_long_as_somebody_else_is_about_to_need_it_it_stays(publisher: Publisher) -> None:
    first, second = await _register(publisher), await _register(publisher)
    await _put(publisher)
    await cleanup_pending(publisher.db, publisher.store, first)
    assert len(publisher.objects()) == 3
    await cleanup_pending(publisher.db, publisher.store, second)
    assert publisher.objects() == []


async def test_a_published_bundle_stays(publisher: Publisher) -> None:
    done = await publisher.publish()
    before = publisher.objects()
    await cleanup_pending(publisher.db, publisher.store, await _register(publisher, done.key))
    assert publisher.objects() == before


async def test_a_copy_stays_for_the_tenant_that_runs_it_and_no_other(publisher: Publisher) -> None:
    archive = publisher.archive()
    done = await publisher.publish(archive)
    await install_archive(collaborators(publisher.db, publisher.store), archive, actor=EVE, check_component=None)
    theirs = done.key.replace(ADA.tenant_id, EVE.tenant_id)
    nobodys = done.key.replace(ADA.tenant_id, "33333333-3333-4333-8333-333333333333")
    await publisher.store.put(nobodys, archive)
    for key in (done.key, theirs, nobodys):
        await cleanup_pending(publisher.db, publisher.store, await _register(publisher, key))
    assert [(publisher.store.root / key).exists() for key in (done.key, theirs, nobodys)] == [True, True, False]


@pytest.mark.parametrize("signed", [True, False])
async def test_the_signature_beside_a_bundle_that_stays_is_that_of_its_row(publisher: Publisher, signed: bool) -> None:
    signers = Signers(publisher.folder / "trusted-keys.json", required=False)
    archive = publisher.archive()
    signature = signature_of(archive, signers.trusted) if signed else None
    done = await publisher.publish(archive, policy=signers.policy, signature=signature)
    pending_id = await _register(publisher, done.key)
    await store_signature(publisher.store, done.key, signature_of(archive, signers.stranger))
    await cleanup_pending(publisher.db, publisher.store, pending_id)
    assert await read_stored_signature(publisher.store, done.key) == signature


async def test_while_the_store_is_down_it_stays_pending_and_is_swept_later(publisher: Publisher) -> None:
    pending_id = await _register(publisher)
    await _put(publisher)
    down = FailingStore(publisher.store, Failure(1, lasting=True))
    with pytest.raises(BundleStoreUnavailable):
        await cleanup_pending(publisher.db, down, pending_id)
    assert await try_cleanup_pending(publisher.db, down, pending_id) is None
    assert len(publisher.objects()) == 3 and await publisher.rows() == {"extension_pending_object": 1}
    publisher.clock.advance(3601)
    assert await sweep_objects(publisher.db, publisher.store, older_than=timedelta(hours=1), now=publisher.clock) == 1
    assert (publisher.objects(), await publisher.rows()) == ([], {})


async def test_the_sweep_leaves_those_alone_who_may_still_be_at_it(publisher: Publisher) -> None:
    await _register(publisher)
    await _put(publisher)
    publisher.clock.advance(3600)
    assert await sweep_objects(publisher.db, publisher.store, older_than=timedelta(hours=1), now=publisher.clock) == 0
    assert len(publisher.objects()) == 3
