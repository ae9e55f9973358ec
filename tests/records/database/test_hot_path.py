"""Jobs of the hot path: prepared statements mean what they mean in the ORM, and a job is a transaction."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from holdfast.records.database.columns import Base
from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared
from holdfast.records.database.uuids import new_id
from holdfast.records.models.users import ApiKey, Role, Tenant
from tests.records.database.roles import ADD_ROLE, ROLE_NAMES, role_names
from tests.records.databases import TENANT, add_user

RENAME = Prepared(update(Role).where(Role.role_name == bindparam("old")).values(role_name=bindparam("new")))
KEY_COLUMNS = select(ApiKey.api_key_id, ApiKey.scopes, ApiKey.created_at, ApiKey.expires_at, ApiKey.revoked, ApiKey.description)
KEY = Prepared(KEY_COLUMNS.where(ApiKey.key_hash == bindparam("key_hash"), ApiKey.tenant == TENANT))
ADD_KEY = Prepared(insert(ApiKey).returning(ApiKey.created_at))
INSTANT = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))


def role(name: str) -> dict[str, Any]:
    return {"role_id": new_id(), "role_name": name}


async def test_a_prepared_statement_reads_what_the_orm_wrote_and_the_other_way_round(db: Database) -> None:
    user = await add_user(db, "ada@example.com")
    values = {"api_key_id": new_id(), "tenant": TENANT, "user_id": user.user_id, "prefix": "x", "scopes": ["a:b"], "created_at": INSTANT}
    async with db.transaction() as session:
        session.add(ApiKey(**values, key_hash="orm", description="by the ORM"))

    async def write(tx: HotTransaction) -> list[tuple[Any, ...]]:
        more = {"key_hash": "job", "description": None, "expires_at": None, "revoked": False}
        return await tx.execute(ADD_KEY, {**values, **more, "api_key_id": new_id()})

    async def read(tx: HotTransaction) -> list[tuple[Any, ...]]:
        return await tx.execute(KEY, {"key_hash": "orm"})

    assert await db.write(write) == [(INSTANT,)]
    assert await db.read(read) == [(values["api_key_id"], ["a:b"], INSTANT, None, False, "by the ORM")]
    async with db.session() as session:
        found = await session.scalar(select(ApiKey).where(ApiKey.key_hash == "job"))
    assert found is not None and (found.scopes, found.created_at, found.created_at.tzinfo) == (["a:b"], INSTANT, UTC)
    assert (found.user_id, found.expires_at, found.revoked) == (user.user_id, None, False)


async def test_a_job_that_raises_leaves_nothing_and_the_next_one_works(db: Database) -> None:
    async def fail(tx: HotTransaction) -> None:
        await tx.execute(ADD_ROLE, role("ghost"))
        raise RuntimeError("halfway")

    async def work(tx: HotTransaction) -> None:
        await tx.execute(ADD_ROLE, role("real"))

    with pytest.raises(RuntimeError, match="halfway"):
        await db.write(fail)
    await db.write(work)
    assert await role_names(db) == ["real"]


async def test_a_constraint_that_is_violated_is_the_same_error_as_in_the_orm_and_harms_no_other_job(db: Database) -> None:
    async def add(name: str) -> None:
        async def job(tx: HotTransaction) -> None:
            await tx.execute(ADD_ROLE, role(f"{name} first"))
            await tx.execute(ADD_ROLE, role(name))

        await db.write(job)

    done = await asyncio.gather(add("a"), add("b"), add("b first"), add("c"), return_exceptions=True)
    names = await role_names(db)
    assert sum(isinstance(outcome, IntegrityError) for outcome in done) == 1
    assert {"a", "a first", "c", "c first"} <= set(names) and len(names) == 6


async def test_a_job_reads_what_it_wrote_and_knows_how_many_rows_changed(db: Database) -> None:
    async def job(tx: HotTransaction) -> tuple[list[tuple[Any, ...]], int, int]:
        await tx.execute_many(ADD_ROLE, [role("a"), role("b")])
        await tx.execute(RENAME, {"old": "b", "new": "c"})
        renamed = tx.changed
        await tx.execute(RENAME, {"old": "b", "new": "d"})
        missed = tx.changed
        return await tx.execute(ROLE_NAMES), renamed, missed

    assert await db.write(job) == ([("a",), ("c",)], 1, 0)


async def test_a_statement_that_cannot_be_compiled_once_is_refused() -> None:
    with pytest.raises(ValueError, match="in_"):
        Prepared(select(Role).where(Role.role_name.in_(bindparam("names", expanding=True)))).sqlite.bind({})
    with pytest.raises(ValueError, match="created_at"):
        Prepared(insert(Tenant).values(tenant=bindparam("tenant"), client_name="x")).postgres.bind({})


async def test_a_missing_parameter_is_an_error(db: Database) -> None:
    async def job(tx: HotTransaction) -> None:
        await tx.execute(ADD_ROLE, {"role_id": new_id()})

    with pytest.raises(KeyError, match="role_name"):
        await db.write(job)


async def test_constants_and_functions_of_a_statement_are_kept(db: Database) -> None:
    count = Prepared(select(func.count(), Tenant.client_name).where(Tenant.tenant == TENANT).group_by(Tenant.client_name))

    async def job(tx: HotTransaction) -> list[tuple[Any, ...]]:
        return await tx.execute(count)

    assert await db.read(job) == [(1, "First")]


async def test_a_database_in_memory_runs_jobs_too() -> None:
    db = Database("sqlite:///:memory:")
    # Only what the test needs: other tables have defaults that exist on Postgres alone.
    tables = [Base.metadata.tables[name] for name in ("tenants", "roles")]
    async with db.engine.begin() as connection:
        await connection.run_sync(partial(Base.metadata.create_all, tables=tables))
    async with db.transaction() as session:
        session.add(Tenant(tenant=TENANT, client_name="First"))

    async def write(tx: HotTransaction) -> None:
        await tx.execute(ADD_ROLE, role("a"))
        await tx.execute_many(ADD_ROLE, [role("b"), role("c")])

    async def fail(tx: HotTransaction) -> None:
        await tx.execute(ADD_ROLE, role("ghost"))
        raise RuntimeError("halfway")

    await db.write(write)
    with pytest.raises(RuntimeError):
        await db.submit(fail)
    assert await role_names(db) == ["a", "b", "c"]
    await db.close()
