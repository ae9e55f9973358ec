"""The statements of the guide for developers, as it has them, typed into `psql`: Holdfast sees what they did."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.listing import list_installs
from holdfast.registry.installs.results import Installed
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.models.installs import ExtensionVersion
from holdfast.registry.models.queries import active_bundle
from tests.records.databases import OTHER_TENANT, TENANT, on_postgres
from tests.records.postgres import PostgresServer
from tests.registry.collaborators import collaborators
from tests.registry.extensions import archive_of

pytestmark = on_postgres


async def installed(db: Database, store: FolderStore, folder: Path) -> Installed:
    archive = archive_of(folder / "notes.tar.zst")
    return await install_archive(collaborators(db, store), archive, actor=local_actor(TENANT), check_component=None)


async def test_the_tenant_is_found(db: Database, postgres: PostgresServer, database_url: str) -> None:
    assert postgres.psql(database_url, "SELECT tenant FROM tenants LIMIT 1;") in (TENANT, OTHER_TENANT)


async def test_an_install_is_handed_to_another_tenant(
    db: Database, store: FolderStore, tmp_path: Path, postgres: PostgresServer, database_url: str
) -> None:
    registry_id = (await installed(db, store, tmp_path)).registry_id
    said = postgres.psql(
        database_url, f"UPDATE tenant_extension_install SET tenant_id = '{OTHER_TENANT}' WHERE registry_id = '{registry_id}';"
    )
    assert said == "UPDATE 1"
    found = postgres.psql(database_url, f"SELECT tenant_id FROM tenant_extension_install WHERE registry_id = '{registry_id}';")
    assert found == OTHER_TENANT
    assert await list_installs(db, TENANT) == []
    assert [one.registry_id for one in await list_installs(db, OTHER_TENANT)] == [registry_id]


async def test_a_version_gets_another_bundle(
    db: Database, store: FolderStore, tmp_path: Path, postgres: PostgresServer, database_url: str
) -> None:
    await installed(db, store, tmp_path)
    async with db.session() as session:
        version_id = await session.scalar(select(ExtensionVersion.id))
    assert version_id is not None
    other = "0123456789abcdef" * 4
    said = postgres.psql(database_url, f"UPDATE extension_bundle SET content_hash = 'sha256:{other}' WHERE version_id = '{version_id}';")
    assert said == "UPDATE 1"
    async with db.session() as session:
        bundle = await active_bundle(session, version_id)
    assert bundle is not None and bundle.content_hash == f"sha256:{other}"
