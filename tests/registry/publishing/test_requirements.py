"""What a published version asks for."""

from __future__ import annotations

from pathlib import Path

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.models.installs import ExtensionVersion
from holdfast.registry.publishing.requirements import read_publication
from tests.error_codes import rejected
from tests.records.databases import TENANT, Clock
from tests.registry.collaborators import collaborators
from tests.registry.extensions import archive_of

NAME = "acme.com.example.notes"


async def test_a_version_tells_what_it_asks_for_and_without_one_the_newest_does(db: Database, store: FolderStore, tmp_path: Path) -> None:
    clock = Clock()
    for version in ("1.0.0", "1.1.0"):
        archive = archive_of(tmp_path / f"{version}.tar.zst", version=version)
        installed = await install_archive(collaborators(db, store, now=clock), archive, actor=local_actor(TENANT), check_component=None)
    found = await read_publication(db, tenant_id=TENANT, extension=NAME, version="1.0.0")
    assert (found.publisher, found.name, found.version, found.display_name) == ("acme", "com.example.notes", "1.0.0", "Notes")
    assert found.capabilities == ["cap:http.fetch", "cap:storage.kv"]
    newest = await read_publication(db, tenant_id=TENANT, extension=NAME, version=None)
    assert (newest.version, newest.version_id, newest.content_hash) == ("1.1.0", installed.version_id, installed.content_hash)
    assert newest.size_bytes == archive.stat().st_size and newest.signing_key_id is None


async def test_a_version_that_cannot_be_installed_asks_for_nothing(db: Database, store: FolderStore, tmp_path: Path) -> None:
    clock, archive = Clock(), archive_of(tmp_path / "a.tar.zst")
    installed = await install_archive(collaborators(db, store, now=clock), archive, actor=local_actor(TENANT), check_component=None)
    with rejected("extension_not_found"):
        await read_publication(db, tenant_id=TENANT, extension="unknown.name", version=None)
    with rejected("version_not_found"):
        await read_publication(db, tenant_id=TENANT, extension=NAME, version="9.9.9")
    async with db.transaction() as session:
        version = await session.get(ExtensionVersion, installed.version_id)
        assert version is not None
        version.yanked_at = clock()
    with rejected("version_yanked"):
        await read_publication(db, tenant_id=TENANT, extension=NAME, version="1.0.0")
