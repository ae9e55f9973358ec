from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from holdfast.records.database.database import Database
from holdfast.records.database.uuids import as_uuid, new_id
from holdfast.records.models.users import ApiKey, Client, Role, Tenant
from tests.error_codes import rejected
from tests.records.databases import TENANT, add_user, on_postgres, on_sqlite
from tests.records.postgres import PostgresServer


@on_sqlite
async def test_sqlite_connections_use_write_ahead_logging_foreign_keys_and_a_busy_timeout(db: Database) -> None:
    async with db.session() as session:
        pragmas = [(await session.execute(text(f"PRAGMA {name}"))).scalar() for name in ("journal_mode", "foreign_keys", "busy_timeout")]
    assert pragmas == ["wal", 1, 10_000]


async def test_a_transaction_that_raises_leaves_nothing(db: Database) -> None:
    with pytest.raises(RuntimeError, match="halfway"):
        async with db.transaction() as session:
            session.add(Tenant(tenant=new_id(), client_name="Third"))
            await session.flush()
            raise RuntimeError("halfway")
    async with db.session() as session:
        assert await session.scalar(select(func.count()).select_from(Tenant)) == 2


async def test_what_a_reading_session_changes_is_discarded(db: Database) -> None:
    async with db.session() as session:
        session.add(Role(tenant=TENANT, role_name="Ghost"))
        await session.flush()
    async with db.session() as session:
        assert await session.scalar(select(func.count()).select_from(Role)) == 0


@on_sqlite
async def test_transactions_of_sqlite_that_read_and_then_write_queue_up_instead_of_failing(db: Database) -> None:
    async def count_and_add(number: int) -> None:
        async with db.transaction() as session:
            known = await session.scalar(select(func.count()).select_from(Role))
            session.add(Role(tenant=TENANT, role_name=f"role {known}"))

    await asyncio.gather(*(count_and_add(number) for number in range(12)))
    async with db.session() as session:
        names = set((await session.scalars(select(Role.role_name))).all())
    assert names == {f"role {number}" for number in range(12)}


async def test_a_reading_session_has_one_view_whatever_others_write_meanwhile(db: Database) -> None:
    count = select(func.count()).select_from(Role)
    async with db.session() as reading:
        assert await reading.scalar(count) == 0
        async with db.transaction() as session:
            session.add(Role(tenant=TENANT, role_name="Later"))
        assert await reading.scalar(count) == 0
    async with db.session() as reading:
        assert await reading.scalar(count) == 1


@on_postgres
async def test_a_writing_transaction_of_postgres_sees_what_others_committed_before_its_statement(db: Database) -> None:
    count = select(func.count()).select_from(Role)
    async with db.transaction() as late:
        assert await late.scalar(count) == 0
        async with db.transaction() as session:
            session.add(Role(tenant=TENANT, role_name="Meanwhile"))
        assert await late.scalar(count) == 1


@on_postgres
async def test_a_server_that_goes_away_is_reported_without_its_address_and_found_again(
    db: Database, postgres: PostgresServer, database_url: str
) -> None:
    name = database_url.rpartition("/")[2]
    administration = postgres.url("postgres")
    end = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'"
    count = select(func.count()).select_from(Tenant)

    # In the middle of a transaction: nothing of it stays.
    with rejected("database_unreachable") as refused:
        async with db.transaction() as session:
            session.add(Tenant(tenant=new_id(), client_name="Third"))
            await session.flush()
            await asyncio.to_thread(postgres.psql, administration, end)
            await session.scalar(count)
    assert str(refused.value) == "The database does not respond. Try again in a moment."

    await asyncio.to_thread(postgres.psql, administration, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    for opened in (db.session(), db.transaction()):
        with rejected("database_unreachable"):
            async with opened as session:
                await session.scalar(count)

    await asyncio.to_thread(postgres.psql, administration, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    async with db.session() as session:
        assert await session.scalar(count) == 2
    # Between two uses, no caller notices.
    await asyncio.to_thread(postgres.psql, administration, end)
    async with db.session() as session:
        assert await session.scalar(count) == 2


async def test_a_row_that_refers_to_nothing_is_refused(db: Database) -> None:
    with pytest.raises(IntegrityError):
        async with db.transaction() as session:
            session.add(Client(tenant=new_id(), client_name="Orphan"))


async def test_instants_come_back_in_utc_whatever_zone_they_went_in_with(db: Database) -> None:
    instant = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))
    tenant = new_id()
    async with db.transaction() as session:
        session.add(Tenant(tenant=tenant, client_name="Third", created_at=instant))
    async with db.session() as session:
        stored = await session.scalar(select(Tenant.created_at).where(Tenant.tenant == tenant))
    assert stored == instant
    assert stored is not None and stored.tzinfo is UTC


async def test_nul_which_postgres_cannot_keep_harms_nothing(db: Database, database_url: str) -> None:
    kept = "\x00" if database_url.startswith("sqlite") else "\ufffd"
    user = await add_user(db, "ada@example.com")
    # Two with NUL, and two that only look as if they had it once they are JSON.
    key = ApiKey(
        tenant=TENANT,
        user_id=user.user_id,
        key_hash="x",
        prefix="x",
        description="a\x00b",
        scopes=["\x00", "\\\x00", "\\u0000", "\\\\u0000"],
    )
    async with db.transaction() as session:
        session.add(key)
    async with db.session() as session:
        found = await session.scalar(select(ApiKey).where(ApiKey.description == "a\x00b"))
    assert found is not None and found.description == f"a{kept}b"
    assert found.scopes == [kept, f"\\{kept}", "\\u0000", "\\\\u0000"]


async def test_an_instant_without_a_zone_is_refused(db: Database) -> None:
    with pytest.raises(StatementError, match="needs a time zone"):
        async with db.transaction() as session:
            session.add(Tenant(tenant=new_id(), client_name="Third", created_at=datetime(2026, 1, 1)))


@pytest.mark.parametrize(
    "text", ["", "x", "51bbbfe507204d9bb3e5b5b43e441a52", "00000000-0000-0000-0000-000000000000", "51bbbfe5-0720-9d9b-b3e5-b5b43e441a52"]
)
def test_what_is_no_uuid_of_versions_one_to_five_is_not_taken_for_one(text: str) -> None:
    assert as_uuid(text) is None


def test_a_uuid_is_brought_to_lower_case() -> None:
    assert as_uuid("51BBBFE5-0720-4D9B-B3E5-B5B43E441A52") == "51bbbfe5-0720-4d9b-b3e5-b5b43e441a52"
