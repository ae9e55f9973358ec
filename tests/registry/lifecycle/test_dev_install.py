from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from holdfast.bundles.manifest.parsing.errors import ManifestError
from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.errors import HoldfastError
from holdfast.records.database.columns import Base
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.records.development_tenant import DEVELOPMENT_TENANT_ID
from holdfast.registry.actors import local_actor
from holdfast.registry.errors import ExtensionNotInstalled, VersionConflict
from holdfast.registry.installs.call_context import install_context
from holdfast.registry.installs.config import replace_config, set_enabled
from holdfast.registry.installs.grants import revoke
from holdfast.registry.installs.listing import list_installs
from holdfast.registry.installs.results import Installed
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.lifecycle.uninstall import uninstall
from holdfast.registry.models import ids as identity
from holdfast.registry.models.installs import (
    ExtensionApiEndpoint,
    ExtensionBundle,
    ExtensionRegistry,
    ExtensionVersion,
    TenantExtensionInstall,
    TenantExtensionInstallConfig,
    TenantExtensionInstallSecrets,
    TenantExtensionSchedule,
)
from holdfast.storage.records import Write
from holdfast.storage.service import ExtensionStorage
from holdfast.storage.tables import StorageRecord, StorageUsage
from tests.error_codes import rejected
from tests.records.databases import OTHER_TENANT, TENANT, Clock
from tests.registry.collaborators import collaborators
from tests.registry.extensions import WASM, archive_of

NOTES = "com.example.notes"


class Refused(HoldfastError):
    code = "refused"
    status = 400


async def install(db: Database, store: FolderStore, archive: Path, *, tenant_id: str = TENANT) -> Installed:
    return await install_archive(collaborators(db, store, now=Clock()), archive, actor=local_actor(tenant_id), check_component=None)


async def count(db: Database, table: type[Base]) -> int:
    async with db.session() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


def stored(store: FolderStore) -> list[str]:
    return sorted(str(file.relative_to(store.root)) for file in store.root.rglob("*") if file.is_file())


def stored_of(store: FolderStore, tenant_id: str) -> list[str]:
    return [key for key in stored(store) if tenant_id in key]


async def test_installing_records_everything_and_stores_the_archive_under_the_tenant(
    db: Database, store: FolderStore, tmp_path: Path
) -> None:
    archive = archive_of(tmp_path / "a.tar.zst")
    done = await install(db, store, archive, tenant_id=DEVELOPMENT_TENANT_ID)
    sha256 = hash_file(archive)
    assert done.registry_id == identity.registry_id("acme", NOTES)
    assert done.version_id == identity.version_id("acme", NOTES, "1.0.0")
    assert done.install_id == identity.install_id(DEVELOPMENT_TENANT_ID, "acme", NOTES)
    assert (done.content_hash, done.display_name, done.publisher, done.version) == (f"sha256:{sha256}", "Notes", "acme", "1.0.0")
    assert stored(store) == [f"tenants/{DEVELOPMENT_TENANT_ID}/extensions/{done.registry_id}/sha256/{sha256}/bundle.tar.zst"]
    async with db.session() as session:
        row = (await session.scalars(select(TenantExtensionInstall))).one()
        version = (await session.scalars(select(ExtensionVersion))).one()
        bundle = (await session.scalars(select(ExtensionBundle))).one()
        endpoints = (await session.execute(select(ExtensionApiEndpoint.method, ExtensionApiEndpoint.path))).all()
    assert (row.is_enabled, row.status, row.runner_domain) == (True, "enabled", None)
    assert row.granted_caps == ["cap:http.fetch", "cap:storage.kv"]
    assert row.granted_egress == ["api.example.com"]
    assert version.api_endpoints[0] == {"method": "GET", "path": "/notes", "handler": "dist/main"}
    assert version.ui == {"type": "iframe", "entry": "ui/index.html", "hooks": {"appMenu": {"label": "Notes"}}}
    assert bundle.id == identity.bundle_id("acme", NOTES, "1.0.0", done.content_hash)
    assert bundle.size_bytes == archive.stat().st_size
    assert sorted((method, path) for method, path in endpoints) == [("GET", "/notes"), ("GET", "/notes/:id"), ("POST", "/notes")]


async def test_installing_the_same_archive_twice_changes_nothing(db: Database, store: FolderStore, tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a.tar.zst")
    first = await install(db, store, archive)
    second = await install(db, store, archive)
    assert (first.replaced, second.replaced) == (None, "1.0.0")
    assert second.install_id == first.install_id and second.content_hash == first.content_hash
    assert [await count(db, table) for table in (ExtensionRegistry, ExtensionVersion, ExtensionBundle, TenantExtensionInstall)] == [1] * 4


async def test_the_archive_installed_last_is_the_active_one_even_when_it_is_an_older_one(
    db: Database, store: FolderStore, tmp_path: Path
) -> None:
    first, second = archive_of(tmp_path / "1.tar.zst", marker="1"), archive_of(tmp_path / "2.tar.zst", marker="2")
    for archive in (first, second, first, second, first):
        done = await install(db, store, archive)
        context = await install_context(db, TENANT, NOTES)
        assert context is not None and context.content_hash == done.content_hash == f"sha256:{hash_file(archive)}"
    assert await count(db, ExtensionBundle) == 2


async def test_a_version_that_may_not_change_is_refused_with_other_content_and_nothing_is_left(
    db: Database, store: FolderStore, tmp_path: Path
) -> None:
    first = archive_of(tmp_path / "1.tar.zst", marker="1")
    done = await install(db, store, first)
    before = stored(store)
    with pytest.raises(VersionConflict, match=r"1\.0\.0"):
        await install_archive(
            collaborators(db, store),
            archive_of(tmp_path / "2.tar.zst", marker="2"),
            actor=local_actor(TENANT),
            check_component=None,
            mutable_versions=False,
        )
    assert stored(store) == before
    again = await install_archive(collaborators(db, store), first, actor=local_actor(TENANT), check_component=None, mutable_versions=False)
    assert again.content_hash == done.content_hash


async def test_settings_and_secrets_survive_a_new_install(db: Database, store: FolderStore, tmp_path: Path) -> None:
    done = await install(db, store, archive_of(tmp_path / "1.tar.zst"))
    await replace_config(db, actor=local_actor(TENANT), extension=NOTES, config={"color": "green"})
    async with db.transaction() as session:
        session.add(
            TenantExtensionInstallSecrets(
                install_id=done.install_id, tenant_id=TENANT, ciphertext="c2VhbGVk", algorithm="aes-gcm", version="7"
            )
        )
    settings = [{"key": "color", "default": "red"}, {"key": "size", "type": "number", "default": 3}, {"key": "token", "type": "secret"}]
    await install(db, store, archive_of(tmp_path / "2.tar.zst", version="1.1.0", settings=settings))
    context = await install_context(db, TENANT, NOTES)
    assert context is not None
    assert context.config == {"color": "green", "size": "3"}
    assert context.secret_envelope is not None and context.secret_envelope.ciphertext_b64 == "c2VhbGVk"
    assert (context.version, context.secrets_version) == ("1.1.0", "7")


async def test_a_revoked_capability_stays_revoked_and_a_new_one_is_granted(db: Database, store: FolderStore, tmp_path: Path) -> None:
    await install(db, store, archive_of(tmp_path / "1.tar.zst"))
    await revoke(db, actor=local_actor(TENANT), extension=NOTES, capabilities=["cap:http.fetch"])
    capabilities = ["cap:storage.kv", "cap:http.fetch", "cap:secrets.get"]
    done = await install(db, store, archive_of(tmp_path / "2.tar.zst", capabilities=capabilities))
    assert done.granted == ["cap:secrets.get", "cap:storage.kv"]


async def test_a_component_is_checked_before_anything_is_recorded(db: Database, store: FolderStore, tmp_path: Path) -> None:
    checked: list[bytes] = []

    async def check(component: Path) -> None:
        checked.append(component.read_bytes())
        raise Refused("It does not run.")

    with pytest.raises(Refused):
        await install_archive(
            collaborators(db, store), archive_of(tmp_path / "a.tar.zst"), actor=local_actor(TENANT), check_component=check
        )
    assert checked == [WASM]
    assert await count(db, ExtensionRegistry) == 0
    assert stored(store) == []


async def test_a_bundle_without_the_component_its_manifest_needs_is_refused(db: Database, store: FolderStore, tmp_path: Path) -> None:
    with rejected("component_missing", match="holdfast build"):
        await install(db, store, archive_of(tmp_path / "a.tar.zst", wasm=None))


async def test_an_extension_that_is_only_a_page_needs_no_component(db: Database, store: FolderStore, tmp_path: Path) -> None:
    async def check(component: Path) -> None:
        raise AssertionError("there is nothing to check")

    archive = archive_of(tmp_path / "a.tar.zst", wasm=None, api=None)
    done = await install_archive(collaborators(db, store), archive, actor=local_actor(TENANT), check_component=check)
    assert done.version == "1.0.0"


async def test_an_unknown_capability_is_refused(db: Database, store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"cap:rule\.world|capabilit"):
        await install(db, store, archive_of(tmp_path / "a.tar.zst", capabilities=["cap:rule.world"]))
    assert stored(store) == []


async def test_when_the_rows_cannot_be_written_the_archive_does_not_stay(
    db: Database, store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("holdfast.registry.lifecycle.install_rows.record_defaults", fail)
    with pytest.raises(RuntimeError, match="no"):
        await install(db, store, archive_of(tmp_path / "a.tar.zst"))
    assert stored(store) == []
    assert [await count(db, table) for table in (ExtensionRegistry, ExtensionBundle, TenantExtensionInstall)] == [0, 0, 0]


async def test_a_failed_install_does_not_take_away_the_archive_of_an_earlier_one(
    db: Database, store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = archive_of(tmp_path / "a.tar.zst")
    await install(db, store, archive)
    before = stored(store)

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("holdfast.registry.lifecycle.install_rows.record_defaults", fail)
    with pytest.raises(RuntimeError, match="no"):
        await install(db, store, archive)
    assert stored(store) == before != []


async def test_when_the_store_is_away_nothing_is_recorded(db: Database, tmp_path: Path) -> None:
    (tmp_path / "bundles").write_text("a file where a folder should be")
    with pytest.raises(BundleStoreUnavailable):
        await install(db, FolderStore(tmp_path / "bundles"), archive_of(tmp_path / "a.tar.zst"))
    assert await count(db, ExtensionRegistry) == 0


async def test_concurrent_installs_of_one_archive_all_succeed(db: Database, store: FolderStore, tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a.tar.zst")
    done = await asyncio.gather(*(install(db, store, archive) for _ in range(4)))
    assert len({one.install_id for one in done}) == 1
    assert len(stored(store)) == 1


async def test_endpoints_that_a_changed_manifest_no_longer_has_disappear_and_others_keep_their_ids(
    db: Database, store: FolderStore, tmp_path: Path
) -> None:
    await install(db, store, archive_of(tmp_path / "1.tar.zst"))
    async with db.session() as session:
        kept = await session.scalar(select(ExtensionApiEndpoint.id).where(ExtensionApiEndpoint.path == "/notes/:id"))
    api = {"endpoints": [{"method": "GET", "path": "/notes/:id", "handler": "dist/main"}]}
    await install(db, store, archive_of(tmp_path / "2.tar.zst", api=api))
    async with db.session() as session:
        assert (await session.scalars(select(ExtensionApiEndpoint.id))).all() == [kept]


@pytest.mark.parametrize("named", [NOTES, "acme.com.example.notes", "ACME.com.Example.notes", "registry", "install"])
async def test_an_extension_is_uninstalled_by_any_of_its_names(db: Database, store: FolderStore, tmp_path: Path, named: str) -> None:
    done = await install(db, store, archive_of(tmp_path / "a.tar.zst"))
    extension = {"registry": done.registry_id, "install": done.install_id}.get(named, named)
    gone = await uninstall(collaborators(db, store), actor=local_actor(TENANT), extension=extension)
    assert (gone.install_id, gone.name, gone.bundle_deleted) == (done.install_id, NOTES, False)
    assert await list_installs(db, TENANT) == []
    assert len(stored(store)) == 1, "the version is known, so its bundle is kept to be installed again"


async def test_uninstalling_takes_all_that_belongs_to_the_install_and_keeps_what_is_published(
    db: Database, store: FolderStore, tmp_path: Path
) -> None:
    done = await install(db, store, archive_of(tmp_path / "1.tar.zst", marker="1"))
    second = await install(db, store, archive_of(tmp_path / "2.tar.zst", marker="2"))
    third = await install(db, store, archive_of(tmp_path / "3.tar.zst", version="2.0.0"))
    other = await install(db, store, archive_of(tmp_path / "1.tar.zst", marker="1"), tenant_id=OTHER_TENANT)
    for tenant_id, install_id in ((TENANT, done.install_id), (OTHER_TENANT, other.install_id)):
        await ExtensionStorage(db).of(tenant_id, install_id).put("n", Write(key="k", value=1))
        async with db.transaction() as session:
            session.add(TenantExtensionSchedule(install_id=install_id, tenant_id=tenant_id, endpoint_id=new_id(), cron="0 * * * *"))
    await uninstall(collaborators(db, store), actor=local_actor(TENANT), extension=NOTES)
    tables = (TenantExtensionInstall, TenantExtensionInstallConfig, TenantExtensionSchedule)
    assert [await count(db, table) for table in tables] == [1] * 3
    assert [await count(db, table) for table in (StorageRecord, StorageUsage)] == [2, 2], "what it stored is kept for a while"
    assert [await count(db, table) for table in (ExtensionRegistry, ExtensionVersion, ExtensionBundle)] == [1, 3, 4]
    hashes = [[key.split("/")[5] for key in stored_of(store, tenant_id)] for tenant_id in (TENANT, OTHER_TENANT)]
    active = sorted(one.content_hash.removeprefix("sha256:") for one in (second, third))
    assert hashes == [active, [other.content_hash.removeprefix("sha256:")]], "of the content that a version had before nothing stays"


async def test_what_was_uninstalled_can_be_installed_again(db: Database, store: FolderStore, tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a.tar.zst")
    await install(db, store, archive)
    await uninstall(collaborators(db, store), actor=local_actor(TENANT), extension=NOTES)
    await install(db, store, archive)
    assert len(stored(store)) == 1
    assert await install_context(db, TENANT, NOTES) is not None


async def test_another_tenants_install_cannot_be_uninstalled(db: Database, store: FolderStore, tmp_path: Path) -> None:
    done = await install(db, store, archive_of(tmp_path / "a.tar.zst"))
    for extension in (NOTES, done.install_id, done.registry_id):
        with pytest.raises(ExtensionNotInstalled):
            await uninstall(collaborators(db, store), actor=local_actor(OTHER_TENANT), extension=extension)
    assert len(await list_installs(db, TENANT)) == 1


async def test_a_bare_name_that_two_publishers_use_is_not_guessed(db: Database, store: FolderStore, tmp_path: Path) -> None:
    await install(db, store, archive_of(tmp_path / "1.tar.zst"))
    await install(db, store, archive_of(tmp_path / "2.tar.zst", publisher="zeta"))
    with rejected("ambiguous_extension") as refused:
        await uninstall(collaborators(db, store), actor=local_actor(TENANT), extension=NOTES)
    assert refused.value.details == {"candidates": [f"acme.{NOTES}", f"zeta.{NOTES}"]}
    await uninstall(collaborators(db, store), actor=local_actor(TENANT), extension=f"zeta.{NOTES}")
    assert [summary.publisher for summary in await list_installs(db, TENANT)] == ["acme"]


async def test_the_list_shows_a_tenants_installs_with_state_and_menu_and_no_others(
    db: Database, store: FolderStore, tmp_path: Path
) -> None:
    await install(db, store, archive_of(tmp_path / "1.tar.zst", publisher=None, ui=None, displayName=None))
    done = await install(db, store, archive_of(tmp_path / "2.tar.zst"))
    await install(db, store, archive_of(tmp_path / "2.tar.zst"), tenant_id=OTHER_TENANT)
    await set_enabled(db, actor=local_actor(TENANT), extension=f"local-dev.{NOTES}", enabled=False)
    acme, local = await list_installs(db, TENANT)
    assert (acme.publisher, acme.app_menu_label, acme.is_enabled, acme.content_hash) == ("acme", "Notes", True, done.content_hash)
    assert (local.publisher, local.app_menu_label, local.is_enabled, local.display_name) == ("local-dev", None, False, NOTES)


async def test_an_existing_rows_id_is_used_even_when_it_is_not_the_named_one(db: Database, store: FolderStore, tmp_path: Path) -> None:
    strange = new_id()
    async with db.transaction() as session:
        session.add(ExtensionRegistry(id=strange, publisher="acme", name=NOTES))
    done = await install(db, store, archive_of(tmp_path / "a.tar.zst"))
    assert done.registry_id == strange
    assert strange in stored(store)[0]


async def test_installing_switches_a_disabled_extension_on(db: Database, store: FolderStore, tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a.tar.zst")
    await install(db, store, archive)
    async with db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(is_enabled=False, status="disabled"))
    assert await install_context(db, TENANT, NOTES) is None
    await install(db, store, archive)
    assert await install_context(db, TENANT, NOTES) is not None
