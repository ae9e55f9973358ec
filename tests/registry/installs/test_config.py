"""Settings of an install: read, replaced, changed one by one, checked; and switching an install on and off."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from holdfast.bundles.manifest.install_settings import InvalidSettings
from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.errors import ExtensionNotInstalled
from holdfast.registry.installs.config import patch_config, read_config, replace_config, set_enabled
from holdfast.registry.models.installs import ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.publishing import ExtensionAuditLog
from tests.error_codes import rejected
from tests.records.databases import OTHER_TENANT, TENANT
from tests.registry.installer import NOTES, Installer
from tests.registry.publisher import ADA, EVE

DECLARED = [
    {"key": "color", "type": "select", "options": ["red", "green"], "default": "red"},
    {"key": "limit", "type": "number"},
    {"key": "token", "type": "secret"},
]


@pytest.fixture
def installer(db: Database, store: FolderStore, tmp_path: Path) -> Installer:
    return Installer(db, store, tmp_path)


async def installed(installer: Installer, settings: Any = None) -> None:
    await installer.publish(settings=settings)
    await installer.install()


async def config(installer: Installer) -> dict[str, Any]:
    return await read_config(installer.db, tenant_id=OTHER_TENANT, extension=NOTES)


async def put(installer: Installer, values: dict[str, Any]) -> str:
    installer.clock.advance(1)
    return await replace_config(installer.db, actor=EVE, extension=NOTES, config=values, now=installer.clock)


async def patch(installer: Installer, unset: tuple[str, ...] = (), **values: Any) -> dict[str, Any]:
    installer.clock.advance(1)
    return await patch_config(installer.db, actor=EVE, extension=NOTES, set=values, unset=unset, now=installer.clock)


async def test_settings_are_replaced_and_changed_one_by_one(installer: Installer) -> None:
    await installed(installer)
    assert await config(installer) == {}
    first = await put(installer, {"a": 1, "b": [True, None]})
    assert await patch(installer, ("b", "never there"), c="x") == {"a": 1, "c": "x"} == await config(installer)
    context = await installer.context()
    assert context.config == {"a": "1", "c": "x"} and context.config_version != first
    await put(installer, {})
    assert await config(installer) == {}


async def test_declared_settings_start_with_their_defaults(installer: Installer) -> None:
    await installed(installer, DECLARED)
    assert await config(installer) == {"color": "red"}


@pytest.mark.parametrize("values", [{"color": "blue"}, {"limit": "many"}])
async def test_what_the_manifest_does_not_allow_is_refused_and_nothing_changes(installer: Installer, values: dict[str, Any]) -> None:
    await installed(installer, DECLARED)
    with pytest.raises(InvalidSettings):
        await put(installer, values)
    with pytest.raises(InvalidSettings):
        await patch(installer, **values)
    assert await config(installer) == {"color": "red"}


async def test_a_secret_is_rejected_as_a_setting_with_a_hint_where_it_belongs(installer: Installer) -> None:
    await installed(installer, DECLARED)
    with rejected("setting_is_secret", match="secrets set") as refused:
        await patch(installer, token="a value that is not to be seen")
    assert refused.value.details == {"keys": ["token"]} and "not to be seen" not in str(refused.value.to_json())


async def test_settings_are_json_of_at_most_64_kib(installer: Installer) -> None:
    await installed(installer)
    await put(installer, {"a": "x" * 60_000})
    with rejected("settings_too_large"):
        await patch(installer, b="x" * 6_000)
    with rejected("settings_too_large"):
        await put(installer, {"a": float("nan")})
    assert list(await config(installer)) == ["a"]


async def test_a_version_of_another_platform_has_settings_too(installer: Installer) -> None:
    await installed(installer)
    async with installer.db.transaction() as session:
        await session.execute(update(ExtensionVersion).values(manifest=None))
    assert await patch(installer, a=1) == {"a": 1}
    with rejected("settings_too_large"):
        await patch(installer, b="x" * 70_000)


async def test_changes_at_once_do_not_lose_each_other(installer: Installer) -> None:
    await installed(installer)
    await asyncio.gather(*(patch(installer, (), **{f"key-{number}": number}) for number in range(8)))
    assert await config(installer) == {f"key-{number}": number for number in range(8)}


async def test_the_audit_log_names_keys_and_never_values(installer: Installer) -> None:
    await installed(installer)
    await put(installer, {"a": 1, "b": "a value"})
    await patch(installer, ("b",), a=1, c=None)
    async with installer.db.session() as session:
        query = select(ExtensionAuditLog.details).where(ExtensionAuditLog.event_type == "settings.changed")
        details = (await session.scalars(query.order_by(ExtensionAuditLog.created_at))).all()
    assert list(details) == [{"keys": ["a", "b"]}, {"keys": ["b", "c"]}]


async def test_an_install_is_switched_off_and_on(installer: Installer) -> None:
    await installed(installer)
    before = (await installer.row()).updated_at
    installer.clock.advance(1)
    await set_enabled(installer.db, actor=EVE, extension=NOTES, enabled=False, now=installer.clock)
    assert not (await installer.context()).is_enabled and (await installer.row()).updated_at > before
    async with installer.db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(status="disabled"))
    installer.clock.advance(1)
    await set_enabled(installer.db, actor=EVE, extension=NOTES, enabled=True, now=installer.clock)
    assert (await installer.context()).is_enabled
    assert await installer.events() == ["extension.installed", "extension.disabled", "extension.enabled"]


async def test_another_tenants_install_does_not_exist(installer: Installer) -> None:
    await installed(installer)
    with pytest.raises(ExtensionNotInstalled):
        await read_config(installer.db, tenant_id=TENANT, extension=NOTES)
    with pytest.raises(ExtensionNotInstalled):
        await patch_config(installer.db, actor=ADA, extension=NOTES, set={"a": 1})
    with pytest.raises(ExtensionNotInstalled):
        await set_enabled(installer.db, actor=ADA, extension=NOTES, enabled=False)
    assert await config(installer) == {} and (await installer.context()).is_enabled
