"""What a development install brings is private to its tenant, whatever publisher and version it carries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.records.development_tenant import DEVELOPMENT_TENANT_ID
from holdfast.registry.actors import Actor, local_actor
from holdfast.registry.errors import VersionConflict
from holdfast.registry.installs.call_context import install_context
from holdfast.registry.installs.details import read_details
from holdfast.registry.installs.listing import list_installs
from holdfast.registry.installs.results import Installed
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.models import ids
from holdfast.registry.models.installs import ExtensionRegistry, ExtensionVersion, TenantExtensionInstall
from holdfast.registry.publishing.requirements import read_publication
from holdfast.registry.publishing.versions import list_versions
from tests.error_codes import rejected
from tests.records.databases import OTHER_TENANT, TENANT
from tests.registry.collaborators import collaborators
from tests.registry.installer import NOTES, Installer
from tests.registry.publisher import ADA, EVE

DEVELOPER = local_actor(DEVELOPMENT_TENANT_ID)


@pytest.fixture
def installer(db: Database, store: FolderStore, tmp_path: Path) -> Installer:
    return Installer(db, store, tmp_path)


async def install_privately(installer: Installer, *, actor: Actor, archive: Path | None = None, **changes: Any) -> Installed:
    installer.clock.advance(1)
    using = collaborators(installer.db, installer.store, now=installer.clock)
    return await install_archive(using, archive or installer.archive(**changes), actor=actor, check_component=None)


async def content_of(installer: Installer, actor: Actor) -> str | None:
    return (await installer.context(actor=actor)).content_hash


async def versions_of(installer: Installer, actor: Actor) -> list[str]:
    return [one.version for one in await list_versions(installer.db, tenant_id=actor.tenant_id, extension=NOTES)]


async def test_another_tenant_finds_neither_the_extension_nor_its_version(installer: Installer) -> None:
    done = await install_privately(installer, actor=ADA)
    for extension in (NOTES, "com.example.notes", done.registry_id):
        with rejected("extension_not_found"):
            await list_versions(installer.db, tenant_id=OTHER_TENANT, extension=extension)
        with rejected("extension_not_found"):
            await read_publication(installer.db, tenant_id=OTHER_TENANT, extension=extension, version=None)
    with rejected("extension_not_found"):
        await installer.install(actor=EVE)
    with rejected("extension_not_found"):
        await installer.install("1.0.0", actor=EVE)
    assert await versions_of(installer, ADA) == ["1.0.0"]


async def test_another_tenant_is_not_upgraded_to_it(installer: Installer) -> None:
    await installer.publish(version="1.0.0")
    await installer.install(actor=EVE)
    await install_privately(installer, actor=ADA, version="1.0.7", marker="private")
    await install_privately(installer, actor=ADA, version="9.0.0", marker="private")
    assert (await installer.upgrade(actor=EVE)).version == "1.0.0"
    assert (await installer.upgrade("1.0.*", actor=EVE)).version == "1.0.0"
    for version in ("1.0.7", "9.0.0"):
        with rejected("version_not_found"):
            await installer.upgrade(version, actor=EVE)
    assert await versions_of(installer, EVE) == ["1.0.0"]
    assert await versions_of(installer, ADA) == ["9.0.0", "1.0.7", "1.0.0"]


async def test_two_tenants_with_other_content_of_one_version_each_run_their_own(installer: Installer) -> None:
    first = await install_privately(installer, actor=ADA, marker="first", displayName="First")
    second = await install_privately(installer, actor=EVE, marker="second", displayName="Second")
    assert first.content_hash != second.content_hash and first.version_id != second.version_id
    assert (await content_of(installer, ADA), await content_of(installer, EVE)) == (first.content_hash, second.content_hash)
    assert [first.version, second.version] == ["1.0.0", "1.0.0"]
    names = [(await list_installs(installer.db, tenant_id))[0].display_name for tenant_id in (TENANT, OTHER_TENANT)]
    assert names == ["First", "Second"]
    again = await install_privately(installer, actor=ADA, marker="third")
    assert (await content_of(installer, ADA), await content_of(installer, EVE)) == (again.content_hash, second.content_hash)


async def test_two_tenants_with_the_same_archive_have_a_version_each(installer: Installer) -> None:
    archive = installer.archive()
    first = await install_privately(installer, actor=ADA, archive=archive)
    second = await install_privately(installer, actor=EVE, archive=archive)
    assert first.content_hash == second.content_hash and first.version_id != second.version_id
    assert installer.copies(actor=ADA) == installer.copies(actor=EVE)
    await installer.uninstall(actor=ADA)
    assert await content_of(installer, EVE) == second.content_hash
    assert len(installer.copies(actor=EVE)) == 1


async def test_the_publisher_can_publish_a_version_that_is_installed_privately(installer: Installer) -> None:
    private = await install_privately(installer, actor=DEVELOPER, marker="private")
    foreign = await install_privately(installer, actor=EVE, marker="foreign")
    published = await installer.publish(actor=DEVELOPER, marker="published")
    assert await content_of(installer, DEVELOPER) == private.content_hash
    assert await content_of(installer, EVE) == foreign.content_hash
    both = await list_versions(installer.db, tenant_id=OTHER_TENANT, extension=NOTES)
    assert sorted((one.version, one.private, one.installed) for one in both) == [("1.0.0", False, False), ("1.0.0", True, True)]
    assert (await installer.install("1.0.0", actor=ADA)).content_hash == published.content_hash
    async with installer.db.session() as session:
        stored = await session.get(ExtensionVersion, published.version_id)
    assert stored is not None and (stored.version_key, stored.private_tenant) == ("1.0.0", None)
    moved = await installer.upgrade(actor=EVE)
    assert (moved.from_version, moved.version) == ("1.0.0", "1.0.0")
    assert await content_of(installer, EVE) == published.content_hash


async def test_the_publisher_can_publish_the_very_archive_that_it_installed_privately(installer: Installer) -> None:
    archive = installer.archive()
    await install_privately(installer, actor=DEVELOPER, archive=archive)
    published = await installer.publish(archive, actor=DEVELOPER)
    installed = await install_privately(installer, actor=DEVELOPER, archive=archive)
    assert installed.version_id == published.version_id


async def test_the_newest_version_is_the_published_one_even_for_the_tenant_with_a_higher_private_one(installer: Installer) -> None:
    await installer.publish(version="1.0.0")
    await install_privately(installer, actor=ADA, version="2.0.0")
    assert (await read_publication(installer.db, tenant_id=TENANT, extension=NOTES, version=None)).version == "1.0.0"
    await installer.uninstall(actor=ADA)
    assert (await installer.install(actor=ADA)).version == "1.0.0"


async def test_without_a_published_version_the_tenant_can_install_its_private_one_again(installer: Installer) -> None:
    done = await install_privately(installer, actor=ADA)
    await installer.uninstall(actor=ADA)
    assert (await installer.install(actor=ADA)).version_id == done.version_id


async def test_a_private_version_that_came_before_a_publication_is_still_replaceable(installer: Installer) -> None:
    await install_privately(installer, actor=EVE, marker="1")
    await installer.publish(actor=ADA, marker="published")
    again = await install_privately(installer, actor=EVE, marker="2")
    assert await content_of(installer, EVE) == again.content_hash


async def test_a_published_number_is_not_reused_privately_with_other_content(installer: Installer) -> None:
    await installer.publish(actor=ADA)
    with pytest.raises(VersionConflict):
        await install_privately(installer, actor=EVE, marker="other")


async def test_a_private_version_does_not_change_what_others_see_of_the_extension(installer: Installer) -> None:
    await installer.publish(version="1.0.0")
    await install_privately(installer, actor=EVE, version="2.0.0", displayName="Fake", description="Fake")
    seen = await read_publication(installer.db, tenant_id=TENANT, extension=NOTES, version=None)
    assert (seen.display_name, seen.description) == ("Notes", "Keeps notes")
    own = await read_details(installer.db, tenant_id=OTHER_TENANT, extension=NOTES)
    assert (own.display_name, own.description) == ("Fake", "Fake")
    async with installer.db.session() as session:
        registry = (await session.scalars(select(ExtensionRegistry))).one()
    assert (registry.display_name, registry.description) == ("Notes", "Keeps notes")


async def test_a_private_extension_does_not_block_a_publisher_with_a_similar_name(installer: Installer) -> None:
    await install_privately(installer, actor=EVE, publisher="ACME")
    assert (await installer.publish(actor=ADA)).publisher == "acme"
    assert (await installer.install(actor=ADA)).publisher == "acme"


async def test_the_development_tenant_has_the_ids_that_the_guide_prints_and_others_have_their_own(installer: Installer) -> None:
    other = await install_privately(installer, actor=EVE)
    own = await install_privately(installer, actor=DEVELOPER)
    named = ("acme", "com.example.notes", "1.0.0")
    assert own.version_id == ids.version_id(*named)
    assert other.version_id == ids.private_version_id(OTHER_TENANT, *named)
    assert own.registry_id == other.registry_id == ids.registry_id("acme", "com.example.notes")


async def _hand_over(installer: Installer, tenant_id: str) -> None:
    async with installer.db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(tenant_id=tenant_id))


async def test_an_install_that_was_moved_with_sql_is_served_to_its_new_tenant(installer: Installer) -> None:
    done = await install_privately(installer, actor=DEVELOPER)
    await _hand_over(installer, OTHER_TENANT)
    context = await install_context(installer.db, OTHER_TENANT, NOTES)
    assert context is not None and context.content_hash == done.content_hash
    assert [one.version for one in await list_installs(installer.db, OTHER_TENANT)] == ["1.0.0"]
    assert await versions_of(installer, EVE) == ["1.0.0"]
    assert (await installer.upgrade(actor=EVE)).version == "1.0.0"


async def test_the_new_tenant_of_a_moved_install_cannot_roll_back_to_a_private_version_of_another(installer: Installer) -> None:
    await install_privately(installer, actor=DEVELOPER, version="1.0.0")
    await install_privately(installer, actor=DEVELOPER, version="2.0.0")
    await _hand_over(installer, OTHER_TENANT)
    with rejected("nothing_to_roll_back"):
        await installer.rollback(actor=EVE)


async def test_a_version_of_the_install_script_is_adopted_by_the_tenant_that_alone_has_it(installer: Installer) -> None:
    done = await install_privately(installer, actor=DEVELOPER, marker="script")
    async with installer.db.transaction() as session:
        await session.execute(update(ExtensionVersion).values(private_tenant=None))  # as the script leaves it
    again = await install_privately(installer, actor=DEVELOPER, marker="changed")
    assert again.version_id == done.version_id
    with rejected("extension_not_found"):
        await installer.install(actor=EVE)


async def test_a_version_without_owner_that_others_have_is_left_alone(installer: Installer) -> None:
    shared = await install_privately(installer, actor=DEVELOPER, marker="shared")
    async with installer.db.transaction() as session:
        await session.execute(update(ExtensionVersion).values(private_tenant=None))
    await installer.install(actor=EVE)
    own = await install_privately(installer, actor=DEVELOPER, marker="changed")
    assert own.version_id != shared.version_id
    assert (await content_of(installer, EVE), await content_of(installer, DEVELOPER)) == (shared.content_hash, own.content_hash)


async def test_the_install_script_can_still_insert_with_its_conflict_target(installer: Installer) -> None:
    await install_privately(installer, actor=EVE)
    done = await install_privately(installer, actor=DEVELOPER)
    statement = (
        "INSERT INTO extension_version (id, registry_id, version, runtime, main_entry, api, capabilities, api_endpoints, created_at) "
        f"VALUES ('{ids.version_id('acme', 'com.example.notes', '1.0.0')}', '{done.registry_id}', '1.0.0', 'wasm', 'main', '{{}}', '[]', "
        "'[]', '2026-01-01') ON CONFLICT (registry_id, version) DO UPDATE SET main_entry = 'changed'"
    )
    async with installer.db.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(statement)
    async with installer.db.session() as session:
        changed = await session.scalars(select(ExtensionVersion.id).where(ExtensionVersion.main_entry == "changed"))
        assert changed.all() == [done.version_id]
