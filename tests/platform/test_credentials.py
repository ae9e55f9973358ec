"""The development account of a data folder, when several databases and several folders are in play: no key in use is ever revoked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.client.data_folder import open_records
from holdfast.platform.credentials import credentials_file, credentials_file_of, ensure_account
from holdfast.records.accounts import login
from holdfast.records.api_keys import find_api_key
from holdfast.records.database.database import Database
from holdfast.settings import Settings


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.close()


def settings_of(data_dir: Path, database_url: str | None) -> Settings:
    return Settings(_env_file=None, data_dir=data_dir, database_url=database_url)


async def test_two_data_folders_with_one_database_keep_both_their_keys(tmp_path: Path, db: Database, database_url: str) -> None:
    one, two = (settings_of(tmp_path / name, database_url) for name in ("one", "two"))
    first, second = await ensure_account(one, db), await ensure_account(two, db)
    assert first.api_key != second.api_key
    assert await find_api_key(db, first.api_key) and await find_api_key(db, second.api_key)
    # The account has one password, so the first folder gets a new one, and keeps its key.
    again = await ensure_account(one, db)
    assert again.api_key == first.api_key
    assert await login(db, again.email, again.password)
    assert await find_api_key(db, second.api_key)


async def test_a_lost_file_revokes_the_key_of_its_own_folder_alone(tmp_path: Path, db: Database, database_url: str) -> None:
    one, two = (settings_of(tmp_path / name, database_url) for name in ("one", "two"))
    lost, kept = await ensure_account(one, db), await ensure_account(two, db)
    credentials_file(one.data_dir).unlink()
    await ensure_account(one, db)
    assert await find_api_key(db, lost.api_key) is None
    assert await find_api_key(db, kept.api_key) is not None


async def test_a_folder_has_a_file_for_each_database(tmp_path: Path, db: Database, database_url: str) -> None:
    folder = tmp_path / "data"
    shared, own = settings_of(folder, database_url), settings_of(folder, None)
    account = await ensure_account(shared, db)
    before = credentials_file(folder).read_bytes()
    # A command without DATABASE_URL: it has the database in the folder.
    async with open_records(own) as local:
        assert await find_api_key(local, account.api_key) is None
    assert credentials_file(folder).read_bytes() == before
    assert credentials_file_of(own) != credentials_file(folder)
    assert credentials_file_of(own).stat().st_mode & 0o777 == 0o600
    assert await ensure_account(shared, db) == account


async def test_a_command_on_the_database_of_another_platform_leaves_its_account_alone(
    tmp_path: Path, db: Database, database_url: str
) -> None:
    account = await ensure_account(settings_of(tmp_path / "platform", database_url), db)
    async with open_records(settings_of(tmp_path / "elsewhere", database_url)):
        pass
    assert not (tmp_path / "elsewhere").exists()
    assert await find_api_key(db, account.api_key) is not None
    assert await login(db, account.email, account.password)
