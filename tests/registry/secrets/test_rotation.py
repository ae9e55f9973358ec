"""All secrets under the newest key: at once, in parts, beside those who write, and the old keys gone afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.models.installs import TenantExtensionInstall, TenantExtensionInstallSecrets
from holdfast.registry.models.publishing import ExtensionAuditLog
from holdfast.registry.secrets.administration import sealed_in, set_secrets
from holdfast.registry.secrets.rotation import Rotation, drop_old_keys, rotate
from holdfast.registry.secrets.sealing import Sealed, Sealer
from holdfast.sealing.errors import SecretsKeyUnusable, VaultFailed
from holdfast.sealing.keyring import new_key_text
from holdfast.settings import Settings
from tests.error_codes import rejected
from tests.hostcalls.vault_server import VaultServer
from tests.records.databases import OTHER_TENANT, TENANT
from tests.registry.plain_installs import PlainInstall, add_install

COUNT = 5


def sealer_of(folder: Path, **fields: Any) -> Sealer:
    return Sealer.from_settings(Settings(**({"_env_file": None, "data_dir": folder / "keys"} | fields)))


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return sealer_of(tmp_path)


@pytest.fixture
async def installs(db: Database, sealer: Sealer) -> list[PlainInstall]:
    """Installs of two tenants, each with a secret of its own."""
    made = [await add_install(db, (TENANT, OTHER_TENANT)[number % 2], f"n{number}") for number in range(COUNT)]
    for install in made:
        await give(db, sealer, install, first=f"value of {install.slug}")
    return made


async def give(db: Database, sealer: Sealer, install: PlainInstall, **values: str) -> None:
    await set_secrets(db, sealer, actor=local_actor(install.tenant_id), extension=install.install_id, values=values)


async def rows(db: Database) -> dict[str, TenantExtensionInstallSecrets]:
    async with db.session() as session:
        return {row.install_id: row for row in await session.scalars(select(TenantExtensionInstallSecrets))}


async def values(db: Database, sealer: Sealer, installs: list[PlainInstall]) -> list[dict[str, str]]:
    found = await rows(db)
    return [await sealer.open(sealed_in(found[one.install_id]), tenant_id=one.tenant_id, install_id=one.install_id) for one in installs]


def given(installs: list[PlainInstall]) -> list[dict[str, str]]:
    return [{"first": f"value of {one.slug}"} for one in installs]


async def test_every_install_comes_under_the_newest_key_and_reads_what_it_read(
    db: Database, sealer: Sealer, installs: list[PlainInstall]
) -> None:
    before = await rows(db)
    added = sealer.add_key()
    assert await rotate(db, sealer) == Rotation(resealed=COUNT, newest_already=0, unreadable=[])
    after = await rows(db)
    assert {row.transit_key for row in after.values()} == {added.id}
    assert all(after[one].version != before[one].version and after[one].ciphertext != before[one].ciphertext for one in before)
    assert await values(db, sealer, installs) == given(installs)
    assert await rotate(db, sealer) == Rotation(resealed=0, newest_already=COUNT, unreadable=[])


async def test_a_rotation_that_was_stopped_leaves_all_readable_and_the_next_does_the_rest(
    db: Database, sealer: Sealer, installs: list[PlainInstall]
) -> None:
    sealer.add_key()

    class Stopping(Sealer):
        """Ends as a killed process does: in the middle of the third install."""

        sealed = 0

        async def seal(self, values: Any, *, tenant_id: str, install_id: str) -> Sealed:
            self.sealed += 1
            if self.sealed == 3:
                raise KeyboardInterrupt
            return await super().seal(values, tenant_id=tenant_id, install_id=install_id)

    with pytest.raises(KeyboardInterrupt):
        await rotate(db, Stopping(sealer.keys))
    assert await values(db, sealer, installs) == given(installs)
    assert await rotate(db, sealer) == Rotation(resealed=COUNT - 2, newest_already=2, unreadable=[])
    assert await values(db, sealer, installs) == given(installs)


async def test_who_sets_secrets_meanwhile_loses_none(db: Database, sealer: Sealer, installs: list[PlainInstall]) -> None:
    sealer.add_key()
    await asyncio.gather(rotate(db, sealer), rotate(db, sealer), *(give(db, sealer, one, second="2") for one in installs))
    assert await values(db, sealer, installs) == [one | {"second": "2"} for one in given(installs)]


async def test_what_cannot_be_opened_is_reported_and_stays_and_the_rest_is_done(
    db: Database, sealer: Sealer, installs: list[PlainInstall]
) -> None:
    lost = installs[1].install_id
    async with db.transaction() as session:
        await session.execute(
            update(TenantExtensionInstallSecrets)
            .where(TenantExtensionInstallSecrets.install_id == lost)
            .values(transit_key="0123456789abcdef")
        )
    before = (await rows(db))[lost].ciphertext
    sealer.add_key()
    assert await rotate(db, sealer) == Rotation(resealed=COUNT - 1, newest_already=0, unreadable=[lost])
    assert (await rows(db))[lost].ciphertext == before
    with rejected("secrets_keys_in_use"):
        await drop_old_keys(db, sealer)


async def test_an_install_that_was_moved_keeps_the_secrets_of_who_gave_them(
    db: Database, sealer: Sealer, installs: list[PlainInstall]
) -> None:
    async with db.transaction() as session:
        moved = TenantExtensionInstall.id == installs[0].install_id
        await session.execute(update(TenantExtensionInstall).where(moved).values(tenant_id=OTHER_TENANT))
    sealer.add_key()
    assert (await rotate(db, sealer)).resealed == COUNT
    assert await values(db, sealer, installs) == given(installs)


async def test_rotations_are_on_record_for_each_tenant(db: Database, sealer: Sealer, installs: list[PlainInstall]) -> None:
    (before,) = sealer.keys.read().ids
    added = sealer.add_key()
    await rotate(db, sealer)
    async with db.session() as session:
        found = (await session.scalars(select(ExtensionAuditLog).where(ExtensionAuditLog.event_type == "secrets.rotated"))).all()
    assert sorted((row.tenant, row.resource_name) for row in found) == sorted((one.tenant_id, one.slug) for one in installs)
    assert all(row.details == {"key_before": before, "key": added.id} for row in found)


async def test_old_keys_go_when_nothing_needs_them(db: Database, sealer: Sealer, installs: list[PlainInstall]) -> None:
    sealer.add_key()
    with rejected("secrets_keys_in_use", match=f"of {COUNT} installs"):
        await drop_old_keys(db, sealer)
    assert len(sealer.keys.read().ids) == 2
    await rotate(db, sealer)
    assert await drop_old_keys(db, sealer) == 1
    assert await drop_old_keys(db, sealer) == 0
    assert await values(db, sealer, installs) == given(installs)


async def test_keys_are_not_dropped_while_somebody_is_sealing_with_one(db: Database, sealer: Sealer, installs: list[PlainInstall]) -> None:
    sealer.add_key()
    await rotate(db, sealer)
    under_way, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Sealer):
        async def seal(self, values: Any, *, tenant_id: str, install_id: str) -> Sealed:
            sealed = await super().seal(values, tenant_id=tenant_id, install_id=install_id)
            under_way.set()
            await go_on.wait()
            return sealed

    slow = Slow(sealer.keys)
    writing = asyncio.create_task(give(db, slow, installs[0], second="2"))
    await under_way.wait()
    # It has sealed with the key that is now becoming an old one, and has not written yet.
    sealer.add_key()
    dropping = asyncio.create_task(drop_old_keys(db, sealer))
    done, _ = await asyncio.wait([dropping], timeout=0.3)
    assert not done
    go_on.set()
    await writing
    with rejected("secrets_keys_in_use"):
        await dropping
    assert (await values(db, sealer, installs))[0] == given(installs)[0] | {"second": "2"}


async def test_keys_of_the_variable_rotate_by_another_order(db: Database, tmp_path: Path) -> None:
    old, new = new_key_text(), new_key_text()
    install = await add_install(db, TENANT)
    await give(db, sealer_of(tmp_path, secrets_key=old), install, first="1")
    both = sealer_of(tmp_path, secrets_key=f"{new},{old}")
    assert (await rotate(db, both)).resealed == 1
    assert await values(db, sealer_of(tmp_path, secrets_key=new), [install]) == [{"first": "1"}]
    for change in (both.add_key, both.keys.keep_newest):
        with pytest.raises(SecretsKeyUnusable, match="cannot change"):
            change()


async def test_secrets_move_to_vault_and_back(db: Database, sealer: Sealer, installs: list[PlainInstall], tmp_path: Path) -> None:
    with VaultServer() as server:
        vault = {"vault_addr": server.address, "vault_token": "hvs.token"}
        there = sealer_of(tmp_path, **vault, vault_transit_key="extensions")
        with pytest.raises(SecretsKeyUnusable, match="Vault"):
            there.add_key()
        assert (await rotate(db, there)).resealed == COUNT
        assert {row.algorithm for row in (await rows(db)).values()} == {"vault-transit:v1"}
        server.answer = (503, b"sealed")
        with pytest.raises(VaultFailed):
            await rotate(db, there)
        server.answer = None
        back = sealer_of(tmp_path, **vault)
        assert (await rotate(db, back)).resealed == COUNT
        await there.close()
        await back.close()
    assert await values(db, sealer, installs) == given(installs)
