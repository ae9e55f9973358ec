from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from holdfast.records.accounts import LoginRejected, ensure_development_tenant, login
from holdfast.records.api_keys import find_api_key
from holdfast.records.database.database import Database
from holdfast.records.development_tenant import DEVELOPMENT_TENANT_ID
from holdfast.records.identities import has_permission
from holdfast.records.models.users import Permission, Role, User
from tests.records.databases import add_user


async def test_a_user_signs_in_with_address_and_password_whatever_the_letter_case_of_the_address(db: Database) -> None:
    user = await add_user(db, "ada@example.com", password="correct horse")
    assert (await login(db, " Ada@Example.COM", "correct horse")) == user


@pytest.mark.parametrize(
    ("email", "password"),
    [("ada@example.com", "wrong"), ("unknown@example.com", "correct horse"), ("ada@example.com", "x" * 2_000), ("", "")],
)
async def test_a_wrong_address_and_a_wrong_password_are_refused_with_the_same_words(db: Database, email: str, password: str) -> None:
    await add_user(db, "ada@example.com", password="correct horse")
    with pytest.raises(LoginRejected, match=r"^The email address or the password is wrong\."):
        await login(db, email, password)


async def test_an_unknown_address_costs_a_password_check_too(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str | None] = []

    async def checking(hashed: str | None, password: str) -> bool:
        checked.append(hashed)
        return False

    monkeypatch.setattr("holdfast.records.accounts.verify_password", checking)
    with pytest.raises(LoginRejected):
        await login(db, "unknown@example.com", "x")
    assert checked == [None]


async def test_an_inactive_user_cannot_sign_in(db: Database) -> None:
    user = await add_user(db, "ada@example.com", password="correct horse")
    async with db.transaction() as session:
        row = await session.get_one(User, user.user_id)
        row.is_inactive = True
    with pytest.raises(LoginRejected):
        await login(db, "ada@example.com", "correct horse")


async def test_passwords_are_kept_as_argon2id_hashes(db: Database) -> None:
    user = await add_user(db, "ada@example.com", password="correct horse")
    async with db.session() as session:
        assert (await session.get_one(User, user.user_id)).hashed_password.startswith("$argon2id$")


async def test_the_development_account_opens_with_its_password_and_its_key_and_administers_extensions(db: Database, tmp_path: Path) -> None:
    account = await ensure_development_tenant(db, tmp_path / "data" / "credentials.json")
    assert account.tenant_id == DEVELOPMENT_TENANT_ID == "51bbbfe5-0720-4d9b-b3e5-b5b43e441a52"
    assert (account.tenant_name, account.email) == ("Development", "admin@holdfast.localhost")
    signed_in = await login(db, account.email, account.password)
    by_key = await find_api_key(db, account.api_key)
    assert account.api_key.startswith("hf_")
    assert by_key is not None and by_key.user_id == signed_in.user_id
    assert await has_permission(db, signed_in, "extension", "read")
    assert await has_permission(db, by_key, "extension", "write")


async def test_the_credentials_file_is_for_its_owner_only_and_is_reused(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    first = await ensure_development_tenant(db, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await ensure_development_tenant(db, file) == first
    async with db.session() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 1


@pytest.mark.parametrize("content", [None, b"", b"{}", b"not json"])
async def test_a_lost_or_damaged_credentials_file_gives_new_credentials_and_ends_the_old_ones(
    db: Database, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "credentials.json"
    first = await ensure_development_tenant(db, file)
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    second = await ensure_development_tenant(db, file)
    assert await login(db, second.email, second.password)
    assert await find_api_key(db, second.api_key) is not None
    assert await find_api_key(db, first.api_key) is None
    with pytest.raises(LoginRejected):
        await login(db, first.email, first.password)
    async with db.session() as session:
        assert await session.scalar(select(func.count()).select_from(Role)) == 1


async def test_credentials_of_another_database_are_replaced(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    await ensure_development_tenant(db, file)
    async with db.transaction() as session:
        await session.delete(await session.scalar(select(User)))
    again = await ensure_development_tenant(db, file)
    assert await find_api_key(db, again.api_key) is not None


async def test_two_processes_that_start_at_once_make_one_account(db: Database, tmp_path: Path) -> None:
    await asyncio.gather(*(ensure_development_tenant(db, tmp_path / str(number)) for number in range(4)))
    async with db.session() as session:
        for table in (User, Role):
            assert await session.scalar(select(func.count()).select_from(table).where(table.tenant == DEVELOPMENT_TENANT_ID)) == 1


async def test_an_administrator_of_an_earlier_version_may_manage_users_too(db: Database, tmp_path: Path) -> None:
    account = await ensure_development_tenant(db, tmp_path / "credentials.json")
    async with db.transaction() as session:
        await session.execute(delete(Permission).where(Permission.resource == "user"))
    assert await ensure_development_tenant(db, tmp_path / "credentials.json") == account
    administrator = await find_api_key(db, account.api_key)
    assert administrator is not None and await has_permission(db, administrator, "user", "write")
