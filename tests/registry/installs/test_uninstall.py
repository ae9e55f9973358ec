"""Uninstalling: what goes at once, what stays for others, and what was stored, which goes after a grace period."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.columns import new_id
from holdfast.records.database.database import Database
from holdfast.registry.errors import ExtensionNotInstalled
from holdfast.registry.installs.uninstall import remove_due_storage
from holdfast.registry.models.installs import (
    ExtensionBundle,
    ExtensionVersion,
    TenantExtensionInstall,
    TenantExtensionInstallConfig,
    TenantExtensionInstallSecrets,
    TenantExtensionSchedule,
)
from holdfast.registry.models.publishing import ExtensionEventSubscription, PendingObject, StorageRemoval
from holdfast.storage.service import StorageService, Write
from holdfast.storage.tables import StorageRecord, StorageUsage
from tests.records.databases import OTHER_TENANT, TENANT
from tests.registry.counter import Counter, hexes
from tests.registry.published import ADA

DAY = timedelta(days=1)


@pytest.fixture
def counter(db: Database, store: FolderStore, tmp_path: Path) -> Counter:
    return Counter(db, store, tmp_path)


async def keep(counter: Counter, install_id: str, *, tenant_id: str = OTHER_TENANT) -> None:
    await StorageService(counter.db, tenant_id=tenant_id, install_id=install_id).put("n", Write(key="k", value=1))


async def test_all_rows_of_the_install_go_and_those_of_others_stay(counter: Counter) -> None:
    await counter.publish()
    for actor in (None, ADA):
        done = await (counter.install() if actor is None else counter.install(actor=actor))
        tenant_id = OTHER_TENANT if actor is None else TENANT
        await (counter.seal() if actor is None else counter.seal(actor=actor))
        await (counter.schedule("GET", "/notes") if actor is None else counter.schedule("GET", "/notes", actor=actor))
        async with counter.db.transaction() as session:
            session.add(ExtensionEventSubscription(tenant_id=tenant_id, install_id=done.install_id, topic="t", handler="h"))
    gone = await counter.uninstall()
    assert (gone.version, gone.bundle_deleted) == ("1.0.0", True)
    tables = (
        *(TenantExtensionInstall, TenantExtensionInstallConfig, TenantExtensionInstallSecrets),
        *(TenantExtensionSchedule, ExtensionEventSubscription, ExtensionVersion, ExtensionBundle),
    )
    assert [await counter.count(table) for table in tables] == [1] * 7
    async with counter.db.session() as session:
        assert (await session.scalars(select(TenantExtensionInstall.tenant_id))).all() == [TENANT]
    assert await counter.count(PendingObject) == 0
    with pytest.raises(ExtensionNotInstalled):
        await counter.uninstall()


async def test_both_copies_go_and_neither_the_published_bundles_nor_anothers(counter: Counter) -> None:
    published = [await counter.publish(), await counter.publish(version="2.0.0")]
    await counter.install("1.0.0")
    await counter.upgrade()
    await counter.install("1.0.0", actor=ADA)
    assert counter.copies() == hexes(*published)
    await counter.uninstall()
    assert counter.copies() == [] and counter.copies(actor=ADA) == hexes(*published)
    assert await counter.events() == ["extension.installed", "extension.upgraded", "extension.uninstalled"]
    await counter.uninstall(actor=ADA)
    assert counter.copies(actor=ADA) == hexes(*published), "others install them from there"


async def test_a_store_that_is_away_does_not_keep_an_extension_installed(counter: Counter, tmp_path: Path) -> None:
    await counter.publish()
    await counter.install()
    elsewhere = tmp_path / "a-file"
    elsewhere.write_text("a file where a folder should be")
    assert not (await counter.uninstall(store=FolderStore(elsewhere))).bundle_deleted
    assert await counter.count(TenantExtensionInstall) == 0


async def test_what_was_stored_goes_when_its_time_is_over(counter: Counter) -> None:
    await counter.publish()
    done, other = await counter.install(), await counter.install(actor=ADA)
    await keep(counter, done.install_id)
    await keep(counter, other.install_id, tenant_id=TENANT)
    gone = await counter.uninstall(grace=2 * DAY)
    assert gone.storage_until == counter.clock() + 2 * DAY
    counter.clock.advance(2 * 86_400 - 1)
    assert await remove_due_storage(counter.db, counter.clock) == 0 and await counter.count(StorageRecord) == 2
    counter.clock.advance(1)
    assert await remove_due_storage(counter.db, counter.clock) == 1
    async with counter.db.session() as session:
        left = (await session.scalars(select(StorageRecord.extension_install_id))).all()
    assert left == [other.install_id] and await counter.count(StorageUsage) == 1
    assert await remove_due_storage(counter.db, counter.clock) == 0 and await counter.count(StorageRemoval) == 0


async def test_what_is_installed_again_in_time_keeps_what_it_stored(counter: Counter) -> None:
    await counter.publish()
    done = await counter.install()
    await keep(counter, done.install_id)
    await counter.uninstall(grace=DAY)
    await counter.install()
    counter.clock.advance(30 * 86_400)
    assert await remove_due_storage(counter.db, counter.clock) == 0
    found = await StorageService(counter.db, tenant_id=OTHER_TENANT, install_id=done.install_id).get("n", "k")
    assert found.value == 1


async def test_uninstalling_another_time_counts_from_then_on(counter: Counter) -> None:
    await counter.publish()
    done = await counter.install()
    await keep(counter, done.install_id)
    await counter.uninstall(grace=DAY)
    counter.clock.advance(80_000)
    await counter.install()
    await counter.uninstall(grace=DAY)
    counter.clock.advance(80_000)
    assert await remove_due_storage(counter.db, counter.clock) == 0
    counter.clock.advance(10_000)
    assert await remove_due_storage(counter.db, counter.clock) == 1


async def test_removing_and_installing_at_once_leaves_no_removal_behind(counter: Counter) -> None:
    await counter.publish()
    for _ in range(4):
        done = await counter.install()
        await keep(counter, done.install_id)
        await counter.uninstall(grace=timedelta())
        await asyncio.gather(remove_due_storage(counter.db, counter.clock), counter.install())
        assert await counter.count(StorageRemoval) == 0
        kept = await counter.count(StorageRecord)
        await keep(counter, done.install_id)
        assert await remove_due_storage(counter.db, counter.clock) == 0 and kept in (0, 1)
        assert await counter.count(StorageRecord) == 1
        await counter.uninstall(grace=timedelta())
        await remove_due_storage(counter.db, counter.clock)


async def test_two_who_remove_at_once_count_each_storage_once(counter: Counter) -> None:
    async with counter.db.transaction() as session:
        for _ in range(5):
            session.add(
                StorageRemoval(tenant=OTHER_TENANT, extension_install_id=new_id(), remove_at=counter.clock(), created_at=counter.clock())
            )
    counts = await asyncio.gather(*(remove_due_storage(counter.db, counter.clock) for _ in range(3)))
    assert sum(counts) == 5
