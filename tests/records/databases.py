"""Databases for tests, on SQLite and on PostgreSQL, with tenants and people in them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.records.identities import Identity
from holdfast.records.models.users import Client, Contact, Tenant, User
from holdfast.records.passwords import hash_password
from holdfast.records.roles import make_admin
from holdfast.registry.migrate import migrate

TENANT = "11111111-1111-4111-8111-111111111111"
OTHER_TENANT = "22222222-2222-4222-8222-222222222222"

SQLITE_FILE = "holdfast.db"

KINDS = {"sqlite": ["sqlite"], "postgres": ["postgres"], "both": ["sqlite", "postgres"]}[os.environ.get("HOLDFAST_TEST_DATABASE", "both")]
"""What the fixture `database_url`, and with it `db`, makes: a test that uses it runs once on each."""

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For a test that is about SQLite itself."""

on_postgres = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
"""For a test that is about PostgreSQL itself."""


def sqlite_url(folder: Path) -> str:
    """The SQLAlchemy URL of the database file in a folder."""
    return f"sqlite+aiosqlite:///{folder / SQLITE_FILE}"


@cache
def _migrated_file() -> bytes:
    """An SQLite database with every table and no row."""
    # In a thread, because a test may call this from inside its own event loop.
    with TemporaryDirectory() as folder, ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(lambda: asyncio.run(migrate(sqlite_url(Path(folder))))).result()
        return (Path(folder) / SQLITE_FILE).read_bytes()


def migrated_sqlite(folder: Path) -> str:
    """The URL of a database file in the folder, with every table; copied, for that is ten times as fast as migrating."""
    file = folder / SQLITE_FILE
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_migrated_file())
    return sqlite_url(folder)


@asynccontextmanager
async def migrated(folder: Path, *, url: str | None = None) -> AsyncIterator[Database]:
    """A database with two tenants, TENANT and OTHER_TENANT: that of `url`, which has its tables, else an SQLite file in `folder`."""
    url = url or migrated_sqlite(folder)
    db = Database(url)
    try:
        async with db.transaction() as session:
            session.add_all([Tenant(tenant=TENANT, client_name="First"), Tenant(tenant=OTHER_TENANT, client_name="Second")])
        yield db
    finally:
        await db.close()


async def add_user(
    db: Database,
    email: str,
    *,
    tenant_id: str = TENANT,
    admin: bool = False,
    user_type: str = "internal",
    client: bool = False,
    password: str | None = None,
) -> Identity:
    """A user, with the role Admin and a contact of a new client on request. Without `password` they cannot log in."""
    user_id, contact_id = new_id(), None
    hashed = await hash_password(password) if password else "unusable"
    async with db.transaction() as session:
        if client:
            client_id, contact_id = new_id(), new_id()
            session.add(Client(client_id=client_id, tenant=tenant_id, client_name=f"Client of {email}"))
            await session.flush()
            session.add(Contact(contact_name_id=contact_id, tenant=tenant_id, client_id=client_id, full_name=email))
            await session.flush()
        session.add(
            User(
                user_id=user_id,
                tenant=tenant_id,
                username=email.partition("@")[0],
                email=email,
                first_name="Ada",
                last_name="Lovelace",
                hashed_password=hashed,
                user_type=user_type,
                contact_id=contact_id,
            )
        )
        await session.flush()
        if admin:
            await make_admin(session, tenant_id, user_id)
    return Identity(
        user_id=user_id,
        tenant_id=tenant_id,
        tenant_name="First" if tenant_id == TENANT else "Second",
        email=email,
        username=email.partition("@")[0],
        first_name="Ada",
        last_name="Lovelace",
        user_type=user_type,
        contact_id=contact_id,
    )


class Clock:
    """A clock that changes only when a test advances it."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.instant

    def advance(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)
