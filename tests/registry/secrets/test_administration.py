"""The secrets of an install: set, merged, removed, expired, never shown, never lost."""

from __future__ import annotations

import asyncio
import base64
import subprocess
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from holdfast.records.database.database import Database
from holdfast.registry.actors import Actor
from holdfast.registry.errors import ExtensionNotInstalled
from holdfast.registry.installs.call_context import install_context
from holdfast.registry.models.installs import TenantExtensionInstall, TenantExtensionInstallSecrets
from holdfast.registry.models.publishing import ExtensionAuditLog
from holdfast.registry.secrets.administration import clear_secrets, list_secrets, remove_secret, sealed_in, set_secrets
from holdfast.registry.secrets.results import SecretsSummary
from holdfast.registry.secrets.sealing import Sealer, SecretsUnreadable
from holdfast.sealing.errors import VaultFailed
from holdfast.settings import Settings
from tests.error_codes import rejected
from tests.hostcalls.vault_server import VaultServer
from tests.records.databases import OTHER_TENANT, TENANT, Clock
from tests.registry.plain_installs import PlainInstall, add_install
from tests.waiting import MAX_WAIT_SECONDS

ADMIN = Actor(tenant_id=TENANT, user_id="u1", email="ada@example.com")
STRANGER = Actor(tenant_id=OTHER_TENANT, user_id="u2")
VALUE = "a-value-that-nobody-may-see"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def settings(folder: Path, **fields: Any) -> Settings:
    return Settings(**({"_env_file": None, "data_dir": folder / "keys"} | fields))


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return Sealer.from_settings(settings(tmp_path))


@pytest.fixture
async def install(db: Database) -> PlainInstall:
    return await add_install(db, TENANT)


class Administrator:
    """An administrator at the secrets of one install."""

    def __init__(self, db: Database, sealer: Sealer, install: PlainInstall, clock: Clock) -> None:
        self.db, self.sealer, self.install, self.clock = db, sealer, install, clock

    async def set(self, values: dict[str, str], **more: Any) -> SecretsSummary:
        return await set_secrets(self.db, self.sealer, actor=ADMIN, extension=self.install.slug, values=values, now=self.clock, **more)

    async def remove(self, key: str) -> SecretsSummary:
        return await remove_secret(self.db, self.sealer, actor=ADMIN, extension=self.install.slug, key=key, now=self.clock)

    async def clear(self) -> SecretsSummary:
        return await clear_secrets(self.db, self.sealer, actor=ADMIN, extension=self.install.slug, now=self.clock)

    async def listed(self) -> SecretsSummary:
        return await list_secrets(self.db, self.sealer, tenant_id=TENANT, extension=self.install.slug)

    async def row(self) -> TenantExtensionInstallSecrets | None:
        async with self.db.session() as session:
            return await session.scalar(select(TenantExtensionInstallSecrets))

    async def values(self) -> dict[str, str]:
        """What the extension would read."""
        row = await self.row()
        return {} if row is None else await self.sealer.open(sealed_in(row), tenant_id=TENANT, install_id=self.install.install_id)

    async def audit(self) -> list[tuple[str, Any]]:
        async with self.db.session() as session:
            rows = await session.scalars(select(ExtensionAuditLog).order_by(ExtensionAuditLog.created_at))
            return [(row.event_type, row.details) for row in rows]


@pytest.fixture
def admin(db: Database, sealer: Sealer, install: PlainInstall, clock: Clock) -> Administrator:
    return Administrator(db, sealer, install, clock)


async def test_new_secrets_are_added_and_known_ones_replaced(admin: Administrator) -> None:
    assert (await admin.set({"b": "1", "a": "2"})).keys == ["a", "b"]
    assert (await admin.set({"b": "3", "c.d_e-F": "4"})).keys == ["a", "b", "c.d_e-F"]
    assert await admin.values() == {"a": "2", "b": "3", "c.d_e-F": "4"}


async def test_every_write_has_a_version_of_its_own_and_tells_the_key(admin: Administrator) -> None:
    first = await admin.set({"a": "1"})
    second = await admin.set({"a": "1"})
    third = await admin.set({"b": "1"})
    assert len({first.version, second.version, third.version}) == 3
    assert third == await admin.listed()
    assert (third.algorithm, third.key_id) == ("aes-gcm:v1", admin.sealer.keys.read().newest.id)


async def test_one_secret_can_be_removed_and_with_the_last_the_row_goes(admin: Administrator) -> None:
    await admin.set({"a": "1", "b": "2"})
    assert (await admin.remove("a")).keys == ["b"]
    assert await admin.values() == {"b": "2"}
    assert await admin.remove("b") == SecretsSummary(keys=[])
    assert await admin.row() is None
    with rejected("secret_not_found"):
        await admin.remove("b")


async def test_all_can_be_cleared_and_set_again(admin: Administrator) -> None:
    await admin.set({"a": "1"})
    assert await admin.clear() == SecretsSummary(keys=[]) == await admin.listed()
    assert await admin.clear() == SecretsSummary(keys=[])
    assert (await admin.set({"b": "1"})).keys == ["b"]


async def test_an_empty_value_leaves_the_secret_as_it_is(admin: Administrator) -> None:
    assert await admin.set({"a": ""}) == SecretsSummary(keys=[])
    before = await admin.set({"a": "1"})
    assert await admin.set({"a": "", "b": ""}) == before
    assert (await admin.set({"a": "", "b": "2"})).keys == ["a", "b"]
    assert await admin.values() == {"a": "1", "b": "2"}


@pytest.mark.parametrize("name", ["", "a b", f"a={VALUE}", "ü", "a/b", "a\n", "x" * 129])
async def test_a_name_that_is_none_is_refused_and_not_quoted(admin: Administrator, name: str) -> None:
    with rejected("secrets_refused") as refusal:
        await admin.set({name: "1"})
    assert VALUE not in str(refusal.value) + repr(refusal.value)
    assert await admin.row() is None


async def test_what_is_too_much_is_refused_and_changes_nothing(admin: Administrator) -> None:
    await admin.set({"k" * 128: "ü" * 16 * 1024})
    with rejected("secrets_refused", match="32 KiB"):
        await admin.set({"a": "ü" * 16 * 1024 + "x"})
    with rejected("secrets_refused", match="Unicode"):
        await admin.set({"a": "\ud800"})
    with rejected("secrets_refused", match="at most 100"):
        await admin.set({f"n{number}": "1" for number in range(100)})
    await admin.set({f"big{number}": "x" * 32 * 1024 for number in range(7)})
    with rejected("secrets_refused", match="256 KiB"):
        await admin.set({"one-more": "x"})
    assert len((await admin.listed()).keys) == 8


async def test_another_tenant_neither_sees_nor_changes_them(db: Database, sealer: Sealer, admin: Administrator) -> None:
    await admin.set({"a": VALUE})
    for extension in (admin.install.slug, admin.install.install_id, admin.install.registry_id):
        attempts: list[Awaitable[object]] = [
            list_secrets(db, sealer, tenant_id=OTHER_TENANT, extension=extension),
            set_secrets(db, sealer, actor=STRANGER, extension=extension, values={"a": "2"}),
            remove_secret(db, sealer, actor=STRANGER, extension=extension, key="a"),
            clear_secrets(db, sealer, actor=STRANGER, extension=extension),
        ]
        for attempt in attempts:
            with pytest.raises(ExtensionNotInstalled):
                await attempt
    assert await admin.values() == {"a": VALUE}


async def test_who_changed_which_names_is_on_record_without_values(admin: Administrator, clock: Clock) -> None:
    await admin.set({"b": VALUE, "a": VALUE})
    clock.advance(1)
    await admin.remove("a")
    clock.advance(1)
    await admin.clear()
    assert await admin.audit() == [
        ("secrets.set", {"names": ["a", "b"], "expires_at": None}),
        ("secrets.removed", {"names": ["a"]}),
        ("secrets.cleared", {"names": ["b"]}),
    ]
    async with admin.db.session() as session:
        row = (await session.scalars(select(ExtensionAuditLog).limit(1))).one()
    assert (row.tenant, row.user_id, row.user_email, row.resource_name) == (TENANT, "u1", "ada@example.com", "acme.notes")
    assert row.resource_id == admin.install.registry_id


async def test_a_failure_leaves_no_record(admin: Administrator) -> None:
    with rejected("secret_not_found"):
        await admin.remove("a")
    with rejected("secrets_refused"):
        await admin.set({"a": "x" * 40_000})
    assert await admin.audit() == []


async def test_of_many_at_once_none_is_lost(admin: Administrator) -> None:
    await asyncio.gather(*(admin.set({f"n{number}": str(number)}) for number in range(12)))
    assert await admin.values() == {f"n{number}": str(number) for number in range(12)}
    await asyncio.gather(*(admin.remove(f"n{number}") for number in range(6)), *(admin.set({f"m{number}": "1"}) for number in range(6)))
    assert (await admin.listed()).keys == [f"m{number}" for number in range(6)] + sorted(f"n{number}" for number in range(6, 12))


async def test_an_expiry_is_kept_until_another_is_said(admin: Administrator, clock: Clock) -> None:
    later, later_still = clock() + timedelta(days=1), clock() + timedelta(days=2)
    assert (await admin.set({"a": "1"}, expires_at=later)).expires_at == later
    assert (await admin.set({"b": "1"})).expires_at == later
    assert (await admin.set({}, expires_at=later_still)).expires_at == later_still
    assert (await admin.set({}, expires_at=None)).expires_at is None
    assert await admin.values() == {"a": "1", "b": "1"}


async def test_an_expiry_that_is_past_or_in_no_zone_is_refused(admin: Administrator, clock: Clock) -> None:
    for expires_at in (clock(), clock() - timedelta(days=1), datetime(2031, 1, 1)):
        with rejected("secrets_refused"):
            await admin.set({"a": "1"}, expires_at=expires_at)
    assert await admin.row() is None


async def test_from_its_expiry_on_the_envelope_is_not_given_out(admin: Administrator, clock: Clock) -> None:
    end = clock() + timedelta(hours=1)
    await admin.set({"a": "1"}, expires_at=end)

    async def given() -> tuple[bool, str | None]:
        context = await install_context(admin.db, TENANT, admin.install.slug, now=clock)
        assert context is not None and context.secret_envelope is not None
        return bool(context.secret_envelope.ciphertext_b64), context.secret_envelope.expires_at

    assert await given() == (True, end.isoformat())
    clock.advance(3_600)
    # The expiry stays, so that the guest sees `expired` and not `missing`.
    assert await given() == (False, end.isoformat())
    assert (await admin.listed()).keys == ["a"]


async def test_expired_secrets_are_not_given_new_life_in_passing(admin: Administrator, clock: Clock) -> None:
    await admin.set({"a": "1"}, expires_at=clock() + timedelta(hours=1))
    clock.advance(3_600)
    with rejected("secrets_expired"):
        await admin.set({"b": "2"})
    assert (await admin.set({"b": "2"}, expires_at=clock() + timedelta(hours=1))).keys == ["a", "b"]
    clock.advance(3_600)
    assert (await admin.remove("a")).expires_at == clock()
    assert (await admin.clear()).keys == []


async def test_without_the_key_nothing_is_changed_and_old_secrets_are_not_lost(admin: Administrator, tmp_path: Path) -> None:
    await admin.set({"a": VALUE})
    before = await admin.row()
    key_file = tmp_path / "keys" / "secrets.key"
    kept = key_file.read_bytes()
    key_file.unlink()
    # As it happens: the next start makes a new key.
    admin.sealer = Sealer.from_settings(settings(tmp_path))
    for attempt in (admin.set({"b": "2"}), admin.remove("a"), admin.listed()):
        with pytest.raises(SecretsUnreadable, match="does not have"):
            await attempt
    after = await admin.row()
    assert before is not None and after is not None and (after.ciphertext, after.version) == (before.ciphertext, before.version)
    # The old key put back behind the new one.
    key_file.write_bytes(key_file.read_bytes() + kept)
    assert (await admin.set({"b": "2"})).keys == ["a", "b"]
    assert await admin.values() == {"a": VALUE, "b": "2"}


async def test_what_cannot_be_opened_can_be_cleared(admin: Administrator) -> None:
    await admin.set({"a": VALUE})
    async with admin.db.transaction() as session:
        await session.execute(update(TenantExtensionInstallSecrets).values(transit_key="0123456789abcdef"))
    assert await admin.clear() == SecretsSummary(keys=[])
    assert ("secrets.cleared", {"names": None}) in await admin.audit()


async def test_an_install_that_was_moved_to_another_tenant_does_not_take_its_secrets_along(
    admin: Administrator, db: Database, sealer: Sealer
) -> None:
    await admin.set({"a": VALUE})
    async with db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(tenant_id=OTHER_TENANT))
    there = await install_context(db, OTHER_TENANT, admin.install.slug)
    assert there is not None and there.secret_envelope is None
    with pytest.raises(SecretsUnreadable, match="belong to the tenant"):
        await set_secrets(db, sealer, actor=STRANGER, extension=admin.install.slug, values={"b": "1"})
    # Nor when their row is moved as well.
    async with db.transaction() as session:
        await session.execute(update(TenantExtensionInstallSecrets).values(tenant_id=OTHER_TENANT))
    with pytest.raises(SecretsUnreadable, match="another tenant or install"):
        await list_secrets(db, sealer, tenant_id=OTHER_TENANT, extension=admin.install.slug)
    # Back where they were given, they are what they were.
    async with db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(tenant_id=TENANT))
        await session.execute(update(TenantExtensionInstallSecrets).values(tenant_id=TENANT))
    assert await admin.values() == {"a": VALUE}


async def test_with_the_install_its_secrets_go(admin: Administrator) -> None:
    await admin.set({"a": "1"})
    async with admin.db.transaction() as session:
        await session.execute(delete(TenantExtensionInstall))
    assert await admin.row() is None
    with pytest.raises(ExtensionNotInstalled):
        await admin.set({"a": "1"})


async def test_when_vault_fails_nothing_is_changed(admin: Administrator, tmp_path: Path) -> None:
    with VaultServer() as server:
        admin.sealer = Sealer.from_settings(
            settings(tmp_path, vault_addr=server.address, vault_token="hvs.token", vault_transit_key="extensions")
        )
        before = await admin.set({"a": VALUE})
        assert (before.algorithm, before.key_id) == ("vault-transit:v1", "extensions")
        server.answer = (503, b"sealed")
        for attempt in (admin.set({"b": "2"}), admin.remove("a"), admin.listed()):
            with pytest.raises(VaultFailed, match="status 503"):
                await attempt
        server.answer = None
        assert await admin.listed() == before
        assert (await admin.set({"b": "2"})).keys == ["a", "b"]
        await admin.sealer.close()


async def test_a_stolen_database_without_the_key_reveals_no_secret(admin: Administrator, tmp_path: Path) -> None:
    await admin.set({"SECRET_NAME_OF_IT": VALUE}, expires_at=datetime(2031, 1, 1, tzinfo=UTC))
    await admin.set({"other": "another-value-of-theirs"})
    await admin.remove("other")
    stolen = _everything_in(admin.db, tmp_path)
    # What was looked through is the database indeed.
    assert admin.install.install_id.encode() in stolen and b"aes-gcm:v1" in stolen
    for value in (VALUE, "another-value-of-theirs"):
        for hidden in (value.encode(), base64.b64encode(value.encode()), value.encode().hex().encode(), value.encode("utf-16-le")):
            assert hidden not in stolen


def _everything_in(db: Database, folder: Path) -> bytes:
    """The bytes of an SQLite database with its log, or the dump of a Postgres one."""
    if db.is_sqlite:
        files = sorted(folder.glob("holdfast.db*"))
        assert folder / "holdfast.db-wal" in files
        return b"".join(file.read_bytes() for file in files)
    address = db.url.replace("postgresql+psycopg://", "postgresql://")
    return subprocess.run(["pg_dump", f"--dbname={address}"], capture_output=True, check=True, timeout=MAX_WAIT_SECONDS).stdout
