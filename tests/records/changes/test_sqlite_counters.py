"""On SQLite every stamp is read from the database, and what cannot be read has none."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from holdfast.records.changes.open_feed import change_feed
from holdfast.records.changes.sqlite_counters import SqliteCounters
from holdfast.records.database.address import database_address
from tests.records.changes.watching import watched_sql
from tests.records.databases import OTHER_TENANT, SQLITE_FILE, TENANT, migrated_sqlite

ADD = "INSERT INTO tenants (tenant, client_name, created_at) VALUES ('{}', 'x', '2026-01-01')"


async def test_a_stamp_changes_at_once_for_the_tenant_that_another_program_changed(tmp_path: Path) -> None:
    url = migrated_sqlite(tmp_path)
    feed = change_feed(database_address(url))
    async with feed.follow():
        before, other, mark = feed.stamp(TENANT), feed.stamp(OTHER_TENANT), feed.mark()
        assert before is not None and before == feed.stamp(TENANT) and mark is not None and mark == feed.mark()
        with watched_sql(url) as run:
            run(ADD.format(TENANT))
            assert feed.stamp(TENANT) not in (None, before)
            assert feed.stamp(OTHER_TENANT) == other
            assert feed.mark() not in (None, mark)


async def test_a_shared_change_changes_the_stamps_of_all_tenants(tmp_path: Path) -> None:
    url = migrated_sqlite(tmp_path)
    feed = change_feed(database_address(url))
    async with feed.follow():
        before = feed.stamp(TENANT)
        with watched_sql(url) as run:
            run(
                "INSERT INTO extension_registry (id, publisher, name, created_at, updated_at) "
                f"VALUES ('{TENANT}', 'acme', 'notes', '2026-01-01', '2026-01-01')"
            )
        assert feed.stamp(TENANT) not in (None, before)


async def test_an_open_transaction_changes_nothing_before_it_commits(tmp_path: Path) -> None:
    feed = change_feed(database_address(migrated_sqlite(tmp_path)))
    writer = sqlite3.connect(tmp_path / SQLITE_FILE, isolation_level=None)
    async with feed.follow():
        before = feed.stamp(TENANT)
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute(ADD.format(TENANT))
        assert feed.stamp(TENANT) == before
        writer.execute("COMMIT")
        assert feed.stamp(TENANT) not in (None, before)
    writer.close()


async def test_without_a_readable_database_there_is_no_stamp(tmp_path: Path) -> None:
    file = tmp_path / "odd ? # % name.db"
    feed = SqliteCounters(str(file))
    async with feed.follow():
        assert feed.stamp(TENANT) is None and feed.mark() is None
        assert not file.exists()
        file.write_bytes(b"this is not a database")
        assert feed.stamp(TENANT) is None
        file.unlink()
        sqlite3.connect(file).close()
        assert feed.stamp(TENANT) is None
        migrated_sqlite(tmp_path / "other")
        file.write_bytes((tmp_path / "other" / SQLITE_FILE).read_bytes())
        assert feed.stamp(TENANT) is not None and feed.mark() is not None
    assert SqliteCounters(":memory:").stamp(TENANT) is None
    assert SqliteCounters(None).mark() is None


async def test_without_the_counter_that_the_migration_made_there_is_no_stamp(tmp_path: Path) -> None:
    url = migrated_sqlite(tmp_path)
    feed = change_feed(database_address(url))
    async with feed.follow():
        with closing(sqlite3.connect(tmp_path / SQLITE_FILE, isolation_level=None)) as connection:
            connection.execute("DELETE FROM change_counters WHERE scope = '*'")
            assert feed.stamp(TENANT) is not None and feed.mark() is None
            connection.execute("DELETE FROM change_counters WHERE scope = ''")
        assert feed.stamp(TENANT) is None and feed.mark() is None
