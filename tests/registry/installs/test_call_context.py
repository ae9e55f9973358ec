from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, update

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.errors import ExtensionNotInstalled
from holdfast.registry.installs.call_context import InstallContext, as_strings, install_context
from holdfast.registry.installs.config import replace_config, set_enabled
from holdfast.registry.installs.grants import grant, revoke
from holdfast.registry.installs.results import Installed
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.models.installs import ExtensionVersion, TenantExtensionInstall, TenantExtensionInstallConfig
from tests.error_codes import rejected
from tests.records.databases import OTHER_TENANT, TENANT
from tests.registry.collaborators import collaborators
from tests.registry.extensions import archive_of

NOTES = "com.example.notes"
ALWAYS = ["cap:context.read", "cap:log.emit", "cap:user.read"]


@pytest.fixture
async def installed(db: Database, store: FolderStore, tmp_path: Path) -> Installed:
    return await install_archive(
        collaborators(db, store), archive_of(tmp_path / "a.tar.zst"), actor=local_actor(TENANT), check_component=None
    )


async def context(db: Database, extension: str = NOTES, tenant_id: str = TENANT) -> InstallContext:
    found = await install_context(db, tenant_id, extension)
    assert found is not None
    return found


async def test_an_install_is_found_by_id_registry_id_full_name_and_name_by_its_tenant_only(db: Database, installed: Installed) -> None:
    for extension in (installed.install_id, installed.registry_id, f"acme.{NOTES}", f"ACME.{NOTES}", NOTES, installed.install_id.upper()):
        assert (await context(db, extension)).install_id == installed.install_id
        assert await install_context(db, OTHER_TENANT, extension) is None


@pytest.mark.parametrize("extension", ["", "unknown.nothing", "%", "acme", "51bbbfe5-0720-4d9b-b3e5-b5b43e441a52", "x" * 10_000])
async def test_what_is_not_installed_is_none(db: Database, installed: Installed, extension: str) -> None:
    assert await install_context(db, TENANT, extension) is None


async def test_an_install_may_what_was_granted_and_what_everybody_may(db: Database, installed: Installed) -> None:
    assert (await context(db)).providers == sorted([*ALWAYS, "cap:http.fetch", "cap:storage.kv"])


async def test_a_revoked_capability_is_gone_although_the_version_asks_for_it(db: Database, installed: Installed) -> None:
    await revoke(db, actor=local_actor(TENANT), extension=NOTES, capabilities=["cap:http.fetch", "cap:storage.kv"])
    assert (await context(db)).providers == ALWAYS


async def test_a_grant_that_is_no_capability_grants_nothing(db: Database, installed: Installed) -> None:
    async with db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(granted_caps=[" CAP:Storage.KV ", "cap:rule.world", ""]))
    assert (await context(db)).providers == sorted([*ALWAYS, "cap:storage.kv"])


async def test_only_what_the_version_asks_for_can_be_granted(db: Database, installed: Installed) -> None:
    for capability in ("cap:secrets.get", "cap:rule.world"):
        with rejected("unknown_capability"):
            await grant(db, actor=local_actor(TENANT), extension=NOTES, capabilities=[capability])


@pytest.mark.parametrize("values", [{"is_enabled": False}, {"status": "disabled"}, {"status": "pending"}])
async def test_an_install_that_is_not_enabled_is_none_unless_asked_for(
    db: Database, installed: Installed, values: dict[str, object]
) -> None:
    async with db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(**values))
    assert await install_context(db, TENANT, NOTES) is None
    found = await install_context(db, TENANT, NOTES, only_enabled=False)
    assert found is not None and not found.is_enabled


async def test_settings_come_from_their_row_or_else_from_the_install(db: Database, installed: Installed) -> None:
    async with db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(config={"from": "install"}))
    assert (await context(db)).config == {}
    async with db.transaction() as session:
        await session.execute(delete(TenantExtensionInstallConfig))
    found = await context(db)
    assert (found.config, found.config_version) == ({"from": "install"}, None)


async def test_every_change_of_settings_has_a_new_version(db: Database, installed: Installed) -> None:
    first = await replace_config(db, actor=local_actor(TENANT), extension=NOTES, config={"a": 1})
    second = await replace_config(db, actor=local_actor(TENANT), extension=NOTES, config={"a": 1})
    assert first != second == (await context(db)).config_version


async def test_settings_reach_the_guest_as_text() -> None:
    values = {"text": "plain", "none": None, "number": 1, "flag": True, "list": [1, "ä"], "object": {"a": None}}
    assert as_strings(values) == {
        "text": "plain",
        "none": "",
        "number": "1",
        "flag": "true",
        "list": '[1,"ä"]',
        "object": '{"a":null}',
    }


async def test_settings_have_their_declared_types_besides_their_text(db: Database, store: FolderStore, tmp_path: Path) -> None:
    settings = [{"key": "isOn", "type": "boolean"}, {"key": "limit", "type": "number"}, {"key": "name"}]
    archive = archive_of(tmp_path / "typed.tar.zst", settings=settings)
    await install_archive(collaborators(db, store), archive, actor=local_actor(TENANT), check_component=None)
    assert (await context(db)).settings is None  # nothing is set
    await replace_config(db, actor=local_actor(TENANT), extension=NOTES, config={"isOn": True, "name": "5"})
    found = await context(db)
    assert (found.config, found.settings) == ({"isOn": "true", "name": "5"}, {"isOn": True, "name": "5"})
    async with db.transaction() as session:  # as another application stores settings
        await session.execute(update(TenantExtensionInstallConfig).values(config={"isOn": "false", "limit": "12", "name": "5"}))
    assert (await context(db)).settings == {"isOn": False, "limit": 12, "name": "5"}
    await replace_config(db, actor=local_actor(TENANT), extension=NOTES, config={"name": "5"})
    assert (await context(db)).settings is None  # text only: the text is enough


async def test_switching_off_and_on_is_the_tenants_own_business(db: Database, installed: Installed) -> None:
    with pytest.raises(ExtensionNotInstalled):
        await set_enabled(db, actor=local_actor(OTHER_TENANT), extension=NOTES, enabled=False)
    await set_enabled(db, actor=local_actor(TENANT), extension=NOTES, enabled=False)
    assert await install_context(db, TENANT, NOTES) is None


async def test_endpoints_and_egress_are_those_of_the_installed_version(db: Database, installed: Installed) -> None:
    found = await context(db)
    assert [(endpoint.method, endpoint.path) for endpoint in found.api_endpoints] == [
        ("GET", "/notes"),
        ("GET", "/notes/:id"),
        ("POST", "/notes"),
    ]
    assert found.egress == ["api.example.com"]
    assert found.slug == f"acme.{NOTES}"
    async with db.transaction() as session:
        await session.execute(update(ExtensionVersion).values(api_endpoints=[]))
    assert (await context(db)).api_endpoints == []
