"""Uninstalling: what goes at once, what stays for others, and what was stored, which goes after a grace period."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.errors import ExtensionNotInstalled
from holdfast.registry.lifecycle.uninstall import remove_due_storage
from holdfast.registry.models.installs import (
    ExtensionBundle,
    ExtensionVersion,
    TenantExtensionInstall,
    TenantExtensionInstallConfig,
    TenantExtensionInstallSecrets,
    TenantExtensionSchedule,
)
from holdfast.registry.models.publishing import ExtensionEventSubscription, PendingObject, StorageRemoval
from holdfast.storage.records import Write
from holdfast.storage.service import ExtensionStorage
from holdfast.storage.tables import StorageRecord, StorageUsage
from tests.records.databases import OTHER_TENANT, TENANT
from tests.registry.installer import Installer, hexes
from tests.registry.publisher import ADA

DAY = timedelta(days=1)


@pytest.fixture
def installer(db: Database, store: FolderStore, tmp_path: Path) -> Installer:
    return Installer(db, store, tmp_path)


async def keep(installer: Installer, install_id: str, *, tenant_id: str = OTHER_TENANT) -> None:
    await ExtensionStorage(installer.db).of(tenant_id, install_id).put("n", Write(key="k", value=1))


async def test_all_rows_of_the_install_go_and_those_of_others_stay(installer: Installer) -> None:
    await installer.publish()
    for actor in (None, ADA):
        done = await (installer.install() if actor is None else installer.install(actor=actor))
        tenant_id = OTHER_TENANT if actor is None else TENANT
        await (installer.seal() if actor is None else installer.seal(actor=actor))
        await (installer.schedule("GET", "/notes") if actor is None else installer.schedule("GET", "/notes", actor=actor))
        async with installer.db.transaction() as session:
            session.add(ExtensionEventSubscription(tenant_id=tenant_id, install_id=done.install_id, topic="t", handler="h"))
    gone = await installer.uninstall()
    assert (gone.version, gone.bundle_deleted) == ("1.0.0", True)
    tables = (
        *(TenantExtensionInstall, TenantExtensionInstallConfig, TenantExtensionInstallSecrets),
        *(TenantExtensionSchedule, ExtensionEventSubscription, ExtensionVersion, ExtensionBundle),
    )
    assert [await installer.count(table) for table in tables] == [1] * 7
    async with installer.db.session() as session:
        assert (await session.scalars(select(TenantExtensionInstall.tenant_id))).all() == [TENANT]
    assert await installer.count(PendingObject) == 0
    with pytest.raises(ExtensionNotInstalled):
        await installer.uninstall()


async def test_both_copies_go_and_neither_the_published_bundles_nor_anothers(installer: Installer) -> None:
    published = [await installer.publish(), await installer.publish(version="2.0.0")]
    await installer.install("1.0.0")
    await installer.upgrade()
    await installer.install("1.0.0", actor=ADA)
    assert installer.copies() == hexes(*published)
    await installer.uninstall()
    assert installer.copies() == [] and installer.copies(actor=ADA) == hexes(*published)
    assert await installer.events() == ["extension.installed", "extension.upgraded", "extension.uninstalled"]
    await installer.uninstall(actor=ADA)
    assert installer.copies(actor=ADA) == hexes(*published), "others install them from there"


async def test_a_store_that_is_away_does_not_keep_an_extension_installed(installer: Installer, tmp_path: Path) -> None:
    await installer.publish()
    await installer.install()
    elsewhere = tmp_path / "a-file"
    elsewhere.write_text("a file where a folder should be")
    assert not (await installer.uninstall(store=FolderStore(elsewhere))).bundle_deleted
    assert await installer.count(TenantExtensionInstall) == 0


async def test_what_was_stored_goes_when_its_time_is_over(installer: Installer) -> None:
    await installer.publish()
    done, other = await installer.install(), await installer.install(actor=ADA)
    await keep(installer, done.install_id)
    await keep(installer, other.install_id, tenant_id=TENANT)
    gone = await installer.uninstall(grace=2 * DAY)
    assert gone.storage_until == installer.clock() + 2 * DAY
    installer.clock.advance(2 * 86_400 - 1)
    assert await remove_due_storage(installer.db, installer.clock) == 0 and await installer.count(StorageRecord) == 2
    installer.clock.advance(1)
    assert await remove_due_storage(installer.db, installer.clock) == 1
    async with installer.db.session() as session:
        left = (await session.scalars(select(StorageRecord.extension_install_id))).all()
    assert left == [other.install_id] and await installer.count(StorageUsage) == 1
    assert await remove_due_storage(installer.db, installer.clock) == 0 and await installer.count(StorageRemoval) == 0


async def test_what_is_installed_again_in_time_keeps_what_it_stored(installer: Installer) -> None:
    await installer.publish()
    done = await installer.install()
    await keep(installer, done.install_id)
    await installer.uninstall(grace=DAY)
    await installer.install()
    installer.clock.advance(30 * 86_400)
    assert await remove_due_storage(installer.db, installer.clock) == 0
    found = await ExtensionStorage(installer.db).of(OTHER_TENANT, done.install_id).get("n", "k")
    assert found.value == 1


async def test_uninstalling_another_time_counts_from_then_on(installer: Installer) -> None:
    await installer.publish()
    done = await installer.install()
    await keep(installer, done.install_id)
    await installer.uninstall(grace=DAY)
    installer.clock.advance(80_000)
    await installer.install()
    await installer.uninstall(grace=DAY)
    installer.clock.advance(80_000)
    assert await remove_due_storage(installer.db, installer.clock) == 0
    installer.clock.advance(10_000)
    assert await remove_due_storage(installer.db, installer.clock) == 1


async def test_removing_and_installing_at_once_leaves_no_removal_behind(installer: Installer) -> None:
    await installer.publish()
    for _ in range(4):
        done = await installer.install()
        await keep(installer, done.install_id)
        await installer.uninstall(grace=timedelta())
        await asyncio.gather(remove_due_storage(installer.db, installer.clock), installer.install())
        assert await installer.count(StorageRemoval) == 0
        kept = await installer.count(StorageRecord)
        await keep(installer, done.install_id)
        assert await remove_due_storage(installer.db, installer.clock) == 0 and kept in (0, 1)
        assert await installer.count(StorageRecord) == 1
        await installer.uninstall(grace=timedelta())
        await remove_due_storage(installer.db, installer.clock)


async def test_two_who_remove_at_once_count_each_storage_once(installer: Installer) -> None:
    async with installer.db.transaction() as session:
        for _ in range(5):
            session.add(
                StorageRemoval(
                    tenant=OTHER_TENANT, extension_install_id=new_id(), remove_at=installer.clock(), created_at=installer.clock()
                )
            )
    counts = await asyncio.gather(*(remove_due_storage(installer.db, installer.clock) for _ in range(3)))
    assert sum(counts) == 5
