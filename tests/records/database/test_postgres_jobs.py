"""Jobs of the hot path on Postgres: connections that end, a pool that is used up, callers that leave."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select, text

from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.postgres.hot_path import POOL_SIZE, PostgresHotPath
from holdfast.records.database.prepared import Prepared
from tests.error_codes import rejected
from tests.records.database.roles import ADD_ROLE, ROLE_NAMES, adding, role_names
from tests.records.databases import on_postgres
from tests.records.postgres import PostgresServer
from tests.waiting import MAX_WAIT_SECONDS

pytestmark = [on_postgres]

SLEEP = Prepared(select(func.pg_sleep(600)))
BACKENDS = Prepared(select(func.pg_backend_pid()))


async def administer(postgres: PostgresServer, statement: str) -> str:
    return await asyncio.to_thread(postgres.psql, postgres.url("postgres"), statement)


def end_of(database_url: str) -> str:
    return f"SELECT count(pg_terminate_backend(pid, 300000)) FROM pg_stat_activity WHERE datname = '{database_url.rpartition('/')[2]}'"


@pytest.mark.parametrize("one_statement", [False, True])
async def test_a_connection_that_the_server_ended_between_two_jobs_is_noticed_by_no_caller(
    db: Database, postgres: PostgresServer, database_url: str, one_statement: bool
) -> None:
    async def names(tx: HotTransaction) -> list[tuple[Any, ...]]:
        return await tx.execute(BACKENDS)

    before = await asyncio.gather(*(db.read(names) for _ in range(5)))
    await administer(postgres, end_of(database_url))
    after = await asyncio.gather(*(db.read(names, one_statement=one_statement) for _ in range(5)))
    assert not {pid for ((pid,),) in before} & {pid for ((pid,),) in after}
    await db.write(adding("a"), one_statement=one_statement)
    await db.submit(adding("b"), one_statement=one_statement)
    await administer(postgres, end_of(database_url))
    await db.submit(adding("c"), one_statement=one_statement)
    assert await role_names(db) == ["a", "b", "c"]


async def test_a_connection_that_ends_during_a_job_is_an_error_and_leaves_nothing(
    db: Database, postgres: PostgresServer, database_url: str
) -> None:
    async def job(tx: HotTransaction) -> None:
        await adding("ghost")(tx)
        await administer(postgres, end_of(database_url))
        await adding("ghost 2")(tx)

    with rejected("database_unreachable") as refused:
        await db.write(job)
    assert str(refused.value) == "The database does not respond. Try again in a moment."
    await db.write(adding("real"))
    assert await role_names(db) == ["real"]


async def test_a_server_that_is_away_is_reported_and_found_again(db: Database, postgres: PostgresServer, database_url: str) -> None:
    name = database_url.rpartition("/")[2]
    await db.write(adding("before"))
    await administer(postgres, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await administer(postgres, end_of(database_url))
    for refused in (db.write(adding("lost")), db.read(adding("lost")), db.submit(adding("lost"))):
        with rejected("database_unreachable"):
            await refused
    await administer(postgres, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await asyncio.gather(*(db.write(adding(f"after {number}")) for number in range(3 * POOL_SIZE)))
    assert len(await role_names(db)) == 1 + 3 * POOL_SIZE


async def test_more_jobs_than_connections_wait_their_turn(db: Database) -> None:
    async def backend(tx: HotTransaction) -> int:
        ((pid,),) = await tx.execute(BACKENDS)
        return int(pid)

    used = await asyncio.gather(*(db.read(backend) for _ in range(5 * POOL_SIZE)))
    assert len(set(used)) <= POOL_SIZE


async def test_a_caller_that_leaves_frees_its_connection_and_undoes_its_job(db: Database) -> None:
    async def sleep(tx: HotTransaction) -> None:
        await adding("ghost")(tx)
        await tx.execute(SLEEP)

    tasks = [asyncio.create_task(db.write(sleep))]
    waiting = [asyncio.create_task(db.read(lambda tx: tx.execute(SLEEP))) for _ in range(2 * POOL_SIZE)]
    # Whatever has begun by now: some wait for a connection, some for the server.
    await asyncio.sleep(0.05)
    for task in (*tasks, *waiting):
        task.cancel()
    await asyncio.wait((*tasks, *waiting))
    assert all(task.cancelled() for task in (*tasks, *waiting))
    # Every connection can be used again.
    await asyncio.gather(*(db.write(adding(f"role {number}")) for number in range(2 * POOL_SIZE)))
    assert len(await role_names(db)) == 2 * POOL_SIZE


async def test_a_server_that_does_not_answer_is_an_error_and_its_connection_is_given_up(db: Database) -> None:
    hot = db._hot
    assert isinstance(hot, PostgresHotPath)
    hot._max_seconds = 0.05

    async def sleep(tx: HotTransaction) -> None:
        await tx.execute(SLEEP)

    for refused in (db.submit(sleep), db.write(sleep), db.read(sleep)):
        with rejected("database_unreachable"):
            await refused
    hot._max_seconds = MAX_WAIT_SECONDS
    await db.submit(adding("a"))
    await db.write(adding("b"))
    assert await role_names(db) == ["a", "b"]


async def test_a_job_that_goes_on_after_a_failed_statement_is_not_taken_for_done(db: Database) -> None:
    async def job(tx: HotTransaction) -> None:
        row = {"role_id": "55555555-5555-4555-8555-555555555555", "role_name": "twice"}
        await tx.execute(ADD_ROLE, row)
        with pytest.raises(Exception, match="duplicate key"):
            await tx.execute(ADD_ROLE, row)

    with pytest.raises(RuntimeError, match="went on after"):
        await db.write(job)
    assert await role_names(db) == []


async def test_statements_are_prepared_on_the_server(db: Database) -> None:
    prepared = Prepared(text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%role_name%'"))

    async def job(tx: HotTransaction) -> list[tuple[Any, ...]]:
        await tx.execute(ROLE_NAMES)
        return await tx.execute(prepared)

    assert await db.read(job) == [(2,)]
