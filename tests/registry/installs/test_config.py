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
from holdfast.registry.installs.config import SettingIsSecret, SettingsTooLarge, patch_config, read_config, replace_config, set_enabled
from holdfast.registry.models.installs import ExtensionVersion, TenantExtensionInstall
from holdfast.registry.models.publishing import ExtensionAuditLog
from tests.records.databases import OTHER_TENANT, TENANT
from tests.registry.counter import NOTES, Counter
from tests.registry.published import ADA, EVE

DECLARED = [
    {"key": "color", "type": "select", "options": ["red", "green"], "default": "red"},
    {"key": "limit", "type": "number"},
    {"key": "token", "type": "secret"},
]


@pytest.fixture
def counter(db: Database, store: FolderStore, tmp_path: Path) -> Counter:
    return Counter(db, store, tmp_path)


async def installed(counter: Counter, settings: Any = None) -> None:
    await counter.publish(settings=settings)
    await counter.install()


async def config(counter: Counter) -> dict[str, Any]:
    return await read_config(counter.db, tenant_id=OTHER_TENANT, extension=NOTES)


async def put(counter: Counter, values: dict[str, Any]) -> str:
    counter.clock.advance(1)
    return await replace_config(counter.db, actor=EVE, extension=NOTES, config=values, now=counter.clock)


async def patch(counter: Counter, unset: tuple[str, ...] = (), **values: Any) -> dict[str, Any]:
    counter.clock.advance(1)
    return await patch_config(counter.db, actor=EVE, extension=NOTES, set=values, unset=unset, now=counter.clock)


async def test_settings_are_replaced_and_changed_one_by_one(counter: Counter) -> None:
    await installed(counter)
    assert await config(counter) == {}
    first = await put(counter, {"a": 1, "b": [True, None]})
    assert await patch(counter, ("b", "never there"), c="x") == {"a": 1, "c": "x"} == await config(counter)
    context = await counter.context()
    assert context.config == {"a": "1", "c": "x"} and context.config_version != first
    await put(counter, {})
    assert await config(counter) == {}


async def test_declared_settings_start_with_their_defaults(counter: Counter) -> None:
    await installed(counter, DECLARED)
    assert await config(counter) == {"color": "red"}


@pytest.mark.parametrize("values", [{"color": "blue"}, {"limit": "many"}])
async def test_what_the_manifest_does_not_allow_is_refused_and_nothing_changes(counter: Counter, values: dict[str, Any]) -> None:
    await installed(counter, DECLARED)
    with pytest.raises(InvalidSettings):
        await put(counter, values)
    with pytest.raises(InvalidSettings):
        await patch(counter, **values)
    assert await config(counter) == {"color": "red"}


async def test_a_secret_is_refused_as_a_setting_and_told_where_it_belongs(counter: Counter) -> None:
    await installed(counter, DECLARED)
    with pytest.raises(SettingIsSecret, match="secrets set") as refused:
        await patch(counter, token="a value that is not to be seen")
    assert refused.value.details == {"keys": ["token"]} and "not to be seen" not in str(refused.value.to_json())


async def test_settings_are_json_of_at_most_64_kib(counter: Counter) -> None:
    await installed(counter)
    await put(counter, {"a": "x" * 60_000})
    with pytest.raises(SettingsTooLarge):
        await patch(counter, b="x" * 6_000)
    with pytest.raises(SettingsTooLarge):
        await put(counter, {"a": float("nan")})
    assert list(await config(counter)) == ["a"]


async def test_a_version_of_another_platform_has_settings_too(counter: Counter) -> None:
    await installed(counter)
    async with counter.db.transaction() as session:
        await session.execute(update(ExtensionVersion).values(manifest=None))
    assert await patch(counter, a=1) == {"a": 1}
    with pytest.raises(SettingsTooLarge):
        await patch(counter, b="x" * 70_000)


async def test_changes_at_once_do_not_lose_each_other(counter: Counter) -> None:
    await installed(counter)
    await asyncio.gather(*(patch(counter, (), **{f"key-{number}": number}) for number in range(8)))
    assert await config(counter) == {f"key-{number}": number for number in range(8)}


async def test_the_audit_log_names_keys_and_never_values(counter: Counter) -> None:
    await installed(counter)
    await put(counter, {"a": 1, "b": "a value"})
    await patch(counter, ("b",), a=1, c=None)
    async with counter.db.session() as session:
        query = select(ExtensionAuditLog.details).where(ExtensionAuditLog.event_type == "settings.changed")
        details = (await session.scalars(query.order_by(ExtensionAuditLog.created_at))).all()
    assert list(details) == [{"keys": ["a", "b"]}, {"keys": ["b", "c"]}]


async def test_an_install_is_switched_off_and_on(counter: Counter) -> None:
    await installed(counter)
    before = (await counter.row()).updated_at
    counter.clock.advance(1)
    await set_enabled(counter.db, actor=EVE, extension=NOTES, enabled=False, now=counter.clock)
    assert not (await counter.context()).is_enabled and (await counter.row()).updated_at > before
    async with counter.db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(status="disabled"))
    counter.clock.advance(1)
    await set_enabled(counter.db, actor=EVE, extension=NOTES, enabled=True, now=counter.clock)
    assert (await counter.context()).is_enabled
    assert await counter.events() == ["extension.installed", "extension.disabled", "extension.enabled"]


async def test_another_tenants_install_does_not_exist(counter: Counter) -> None:
    await installed(counter)
    with pytest.raises(ExtensionNotInstalled):
        await read_config(counter.db, tenant_id=TENANT, extension=NOTES)
    with pytest.raises(ExtensionNotInstalled):
        await patch_config(counter.db, actor=ADA, extension=NOTES, set={"a": 1})
    with pytest.raises(ExtensionNotInstalled):
        await set_enabled(counter.db, actor=ADA, extension=NOTES, enabled=False)
    assert await config(counter) == {} and (await counter.context()).is_enabled
