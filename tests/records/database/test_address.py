from __future__ import annotations

import pytest
from sqlalchemy import select

from holdfast.records.database.address import database_address
from holdfast.records.database.database import Database
from holdfast.records.models.users import Tenant
from holdfast.registry.migrate import migrate
from tests.error_codes import rejected
from tests.events.recording_server import free_port
from tests.records.databases import TENANT, on_postgres
from tests.records.postgres import OWNER, PASSWORD, PostgresServer


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
@on_postgres
async def test_a_postgres_is_found_whatever_its_address_begins_with(db: Database, database_url: str, scheme: str) -> None:
    again = Database(database_url.replace("postgresql+psycopg", scheme))
    async with again.session() as session:
        assert await session.scalar(select(Tenant.tenant).where(Tenant.tenant == TENANT)) == TENANT
    await again.close()


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+aiosqlite"])
def test_a_file_needs_no_driver_in_its_address(scheme: str) -> None:
    assert str(database_address(f"{scheme}:////srv/holdfast.db")) == "sqlite+aiosqlite:////srv/holdfast.db"


def test_a_time_limit_for_connecting_that_is_given_counts() -> None:
    assert database_address("postgresql://h/d").query["connect_timeout"] == "10"
    assert database_address("postgresql://h/d?connect_timeout=3").query["connect_timeout"] == "3"


@pytest.mark.parametrize(
    "url", ["", "holdfast", "mysql://u:the-secret@h/d", "postgresql+asyncpg://u:the-secret@h/d", "postgres://u:the-secret@h:x/d"]
)
def test_another_kind_of_address_is_refused_and_its_password_not_shown(url: str) -> None:
    with rejected("database_url_unusable", match="DATABASE_URL may be postgresql://USER") as refused:
        database_address(url)
    assert "the-secret" not in str(refused.value)


async def test_a_server_that_is_not_there_is_reported_in_one_sentence_without_the_password() -> None:
    port = free_port()
    with rejected("database_unreachable") as refused:
        await migrate(f"postgresql://{OWNER}:{PASSWORD}@127.0.0.1:{port}/holdfast")
    assert refused.value.message == f"The database postgresql://{OWNER}@127.0.0.1:{port}/holdfast cannot be used: Connection refused."
    assert refused.value.hint is not None and "correct DATABASE_URL" in refused.value.hint


@pytest.mark.parametrize(
    ("user", "database", "reason"),
    [("missing", "postgres", 'role "missing" does not exist'), (OWNER, "nowhere", 'database "nowhere" does not exist')],
)
async def test_a_server_that_does_not_let_us_in_says_why(postgres: PostgresServer, user: str, database: str, reason: str) -> None:
    with rejected("database_unreachable") as refused:
        await migrate(postgres.url(database).replace(f"{OWNER}:", f"{user}:"))
    assert refused.value.message.endswith(f"/{database} cannot be used: {reason}.")
    assert PASSWORD not in str(refused.value)
