"""What development installs replace is removed, with its rows and objects, and nothing else is."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.keys import bundle_key
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.columns import Base, utc_now
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.call_context import install_context
from holdfast.registry.installs.results import Installed
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.lifecycle.replaced import KEPT_BUNDLES, sweep_replaced
from holdfast.registry.lifecycle.uninstall import uninstall
from holdfast.registry.models.installs import ExtensionApiEndpoint, ExtensionBundle, ExtensionVersion
from holdfast.registry.models.publishing import PendingObject
from holdfast.registry.objects.pending import sweep_objects
from holdfast.registry.publishing.publish import publish_bundle
from tests.records.databases import OTHER_TENANT, TENANT, Clock
from tests.registry.collaborators import collaborators
from tests.registry.extensions import archive_of
from tests.session.effort import repetitions

NOTES = "com.example.notes"
KEPT = 1 + KEPT_BUNDLES


class Author:
    """Saves and installs an extension again and again; the clock moves a second each time."""

    def __init__(self, db: Database, store: BundleStore, folder: Path, *, tenant_id: str = TENANT) -> None:
        self.db, self.store, self.folder, self.tenant_id, self.clock = db, store, folder, tenant_id, Clock()

    async def save(self, marker: object, **manifest: Any) -> Installed:
        self.clock.advance(1)
        archive = archive_of(self.folder / f"{self.tenant_id}-{marker}.tar.zst", marker=f"{self.tenant_id} {marker}", **manifest)
        using = collaborators(self.db, self.store, now=self.clock)
        return await install_archive(using, archive, actor=local_actor(self.tenant_id), check_component=None)

    async def sweep(self) -> int:
        return await sweep_replaced(self.db, self.store, now=self.clock)


async def rows(db: Database, *tables: type[Base]) -> tuple[int, ...]:
    async with db.session() as session:
        return tuple([await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables])


def objects(root: Path) -> list[str]:
    return sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())


async def residue(db: Database, root: Path) -> tuple[int, ...]:
    return (*await rows(db, ExtensionVersion, ExtensionBundle, ExtensionApiEndpoint, PendingObject), len(objects(root)))


async def test_a_save_leaves_nothing_behind(db: Database, store: FolderStore, tmp_path: Path) -> None:
    author = Author(db, store, tmp_path)
    for number in range(KEPT):
        await author.save(number)
    before = await residue(db, store.root)
    assert before == (1, KEPT, 3, 0, KEPT)
    for number in range(KEPT, repetitions(25, long=1_000)):
        installed = await author.save(number)
        assert await residue(db, store.root) == before
    context = await install_context(db, TENANT, NOTES)
    assert context is not None and context.content_hash == installed.content_hash
    author.clock.advance(599)
    assert await author.sweep() == 0
    author.clock.advance(1)
    assert await author.sweep() == KEPT_BUNDLES
    assert await residue(db, store.root) == (1, 1, 3, 0, 1)
    assert installed.content_hash.removeprefix("sha256:") in objects(store.root)[0]


async def test_published_versions_and_those_of_other_tenants_stay(db: Database, store: FolderStore, tmp_path: Path) -> None:
    author, other = Author(db, store, tmp_path), Author(db, store, tmp_path, tenant_id=OTHER_TENANT)
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        public = archive_of(tmp_path / f"public-{version}.tar.zst", version=version, marker="public", publisher="public")
        await publish_bundle(collaborators(db, store, now=author.clock), public, actor=local_actor(TENANT), check_component=None)
    for marker in ("a", "b"):
        await other.save(marker)
    kept = {key for key in objects(store.root) if OTHER_TENANT in key}
    published = await rows(db, ExtensionVersion)
    for number in range(6):
        await author.save(number)
    assert kept <= set(objects(store.root)) and len(kept) == 2
    author.clock.advance(timedelta(days=30).total_seconds())
    await author.sweep()
    # Of the other tenant, only what it has replaced itself is gone.
    assert len({key for key in objects(store.root) if OTHER_TENANT in key}) == 1
    assert await rows(db, ExtensionVersion) == (published[0] + 1,)
    async with db.session() as session:
        bundles = (await session.scalars(select(ExtensionBundle.storage_url))).all()
    assert set(bundles) == {key for key in objects(store.root) if key.endswith("bundle.tar.zst")}


async def test_a_private_version_goes_a_day_after_no_install_needs_it(db: Database, store: FolderStore, tmp_path: Path) -> None:
    author = Author(db, store, tmp_path)
    for version in ("1.0.0", "1.1.0", "1.2.0", "1.3.0"):
        await author.save(version, version=version)
    assert await author.sweep() == 0
    author.clock.advance(timedelta(days=2).total_seconds())
    # 1.3.0 is installed, a rollback leads to 1.2.0.
    assert await author.sweep() == 2
    assert await residue(db, store.root) == (2, 2, 6, 0, 2)
    await uninstall(collaborators(db, store, now=author.clock), actor=local_actor(TENANT), extension=NOTES)
    # The newest stays: it can be installed by its name.
    assert await author.sweep() == 1
    assert await residue(db, store.root) == (1, 1, 3, 0, 1)
    async with db.session() as session:
        assert (await session.scalars(select(ExtensionVersion))).one().version == "1.3.0"


class Unavailable(FolderStore):
    """A store that deletes nothing."""

    async def delete(self, key: str) -> None:
        raise BundleStoreUnavailable("no deletes")


async def test_what_could_not_be_deleted_is_deleted_later(db: Database, store: FolderStore, tmp_path: Path) -> None:
    author = Author(db, Unavailable(store.root), tmp_path)
    for number in range(KEPT + 3):
        await author.save(number)
    assert await residue(db, store.root) == (1, KEPT, 3, 3, KEPT + 3)
    author.clock.advance(10)
    assert await sweep_objects(db, store, older_than=timedelta(seconds=1), now=author.clock) == 3
    assert await residue(db, store.root) == (1, KEPT, 3, 0, KEPT)


async def test_sweeps_and_installs_at_the_same_time_never_lose_the_active_bundle(db: Database, store: FolderStore, tmp_path: Path) -> None:
    """The sweeps live a day ahead, so that everything that is not active is due at once."""
    archives = [archive_of(tmp_path / f"{n}.tar.zst", marker=str(n), version=f"1.{n % 2}.0") for n in range(6)]
    random_order = random.Random(7)
    ahead: Callable[[], datetime] = lambda: utc_now() + timedelta(days=2)  # noqa: E731

    async def install_some() -> None:
        for _ in range(repetitions(6, long=40)):
            archive = random_order.choice(archives)
            await install_archive(collaborators(db, store), archive, actor=local_actor(TENANT), check_component=None)

    async def sweep_some() -> None:
        for _ in range(repetitions(6, long=40)):
            await sweep_replaced(db, store, now=ahead)
            await asyncio.sleep(0)

    await asyncio.gather(install_some(), install_some(), sweep_some(), sweep_some())
    context = await install_context(db, TENANT, NOTES)
    assert context is not None and context.content_hash is not None
    assert await store.exists(bundle_key(TENANT, context.registry_id, context.content_hash))
    await sweep_replaced(db, store, now=ahead)
    async with db.session() as session:
        assert (await session.scalars(select(PendingObject))).all() == []
        bundles = (await session.scalars(select(ExtensionBundle.storage_url))).all()
    assert sorted(str(url) for url in bundles) == objects(store.root)
