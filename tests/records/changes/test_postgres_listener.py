"""On Postgres a stamp counts as long as the connection proves that nothing was missed, and never longer than a second."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from sqlalchemy import URL, text, update

from holdfast.records.changes import postgres_listener
from holdfast.records.changes.confirmation import wait_for_gateways
from holdfast.records.changes.feed import SHARED
from holdfast.records.changes.gateways import CONFIRM, CONFIRMED, GATEWAYS, LEASE_SECONDS
from holdfast.records.changes.postgres_listener import PostgresListener
from holdfast.records.database.address import database_address
from holdfast.records.database.database import Database
from holdfast.records.models.users import Tenant
from tests.records.databases import OTHER_TENANT, TENANT, on_postgres
from tests.records.postgres import OWNER, PostgresServer
from tests.waiting import until

URL_OF_NOTHING = database_address("postgresql://no-one@127.0.0.1:9/nothing")


class Seconds:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.value = 0.0

    def __call__(self) -> float:
        return self.value


@asynccontextmanager
async def following(url: str | URL, **options: Seconds) -> AsyncIterator[PostgresListener]:
    """A feed that has a lease."""
    feed = PostgresListener(database_address(url) if isinstance(url, str) else url, **options)
    async with feed.follow():
        await until(lambda: feed.mark() is not None)
        yield feed


async def rename(db: Database, tenant_id: str = TENANT) -> None:
    async with db.transaction() as session:
        await session.execute(update(Tenant).where(Tenant.tenant == tenant_id).values(client_name="renamed"))


def backends_of(server: PostgresServer, url: str) -> list[int]:
    """The server's processes that listen for the feeds of a database."""
    where = "application_name = 'holdfast change feed' AND datname = current_database()"
    return [int(line) for line in server.psql(url, f"SELECT pid FROM pg_stat_activity WHERE {where}").splitlines()]


def test_a_lease_ends_a_second_after_its_renewal_was_sent() -> None:
    clock = Seconds()
    feed = PostgresListener(URL_OF_NOTHING, clock=clock)
    assert feed.stamp(TENANT) is None and feed.mark() is None
    clock.value = 100.7
    feed.renewed(100.0)
    assert feed.stamp(TENANT) is not None and feed.mark() is not None
    clock.value = 100.0 + LEASE_SECONDS - 0.001
    assert feed.stamp(TENANT) is not None
    clock.value = 100.0 + LEASE_SECONDS
    assert feed.stamp(TENANT) is None and feed.mark() is None
    # An answer that took longer than the lease renews nothing.
    feed.renewed(100.0)
    assert feed.stamp(TENANT) is None


def test_stamps_change_for_the_tenant_and_never_return() -> None:
    feed = PostgresListener(URL_OF_NOTHING, clock=Seconds())
    feed.renewed(0)
    seen, other, mark = [feed.stamp(TENANT)], feed.stamp(OTHER_TENANT), feed.mark()
    feed.changed(TENANT)
    assert feed.stamp(TENANT) not in seen and feed.stamp(OTHER_TENANT) == other and feed.mark() != mark
    seen.append(feed.stamp(TENANT))
    feed.changed(SHARED)
    assert feed.stamp(TENANT) not in seen and feed.stamp(OTHER_TENANT) != other
    seen.append(feed.stamp(TENANT))
    feed.invalidate()
    assert feed.stamp(TENANT) is None
    feed.renewed(0)
    assert feed.stamp(TENANT) not in seen


def test_the_number_of_remembered_tenants_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_listener, "MAX_TENANTS", 3)
    feed = PostgresListener(URL_OF_NOTHING, clock=Seconds())
    feed.renewed(0)
    for tenant_id in ("a", "b", "c"):
        feed.changed(tenant_id)
    before = {tenant_id: feed.stamp(tenant_id) for tenant_id in ("a", "b", "c", "d")}
    feed.changed("b")
    assert [feed.stamp(tenant_id) == before[tenant_id] for tenant_id in ("a", "b", "c", "d")] == [True, False, True, True]
    feed.changed("d")
    assert not any(feed.stamp(tenant_id) == before[tenant_id] for tenant_id in before)


@on_postgres
async def test_when_a_transaction_that_revokes_ends_every_gateway_knows(database_url: str) -> None:
    db = Database(database_url)
    async with following(database_url) as first, following(database_url) as second:
        async with db.transaction() as session:
            session.add_all([Tenant(tenant=TENANT, client_name="First"), Tenant(tenant=OTHER_TENANT, client_name="Second")])
        # A commit that only adds what was unknown is not confirmed; this one is, and with it all before.
        await rename(db, OTHER_TENANT)
        for _ in range(10):
            await until(lambda: None not in (first.mark(), second.mark()))
            before = [feed.stamp(TENANT) for feed in (first, second)]
            others = [feed.stamp(OTHER_TENANT) for feed in (first, second)]
            await rename(db)
            # Not polled: the block has ended. On a busy machine there may be no lease.
            assert all(feed.stamp(TENANT) != then for feed, then in zip((first, second), before, strict=True))
            assert all(feed.stamp(OTHER_TENANT) in (None, then) for feed, then in zip((first, second), others, strict=True))
    await db.close()


@on_postgres
async def test_sql_typed_by_hand_is_seen(database_url: str, postgres: PostgresServer) -> None:
    async with following(database_url) as feed:
        before = feed.stamp(TENANT)
        postgres.psql(database_url, f"INSERT INTO tenants (tenant, client_name, created_at) VALUES ('{TENANT}', 'x', now())")
        await until(lambda: feed.stamp(TENANT) not in (None, before))


@on_postgres
async def test_a_lease_that_is_not_renewed_ends_while_the_connection_stays(database_url: str) -> None:
    clock = Seconds()
    async with following(database_url, clock=clock) as feed:
        before = feed.stamp(TENANT)
        clock.value = LEASE_SECONDS - 0.001
        assert feed.stamp(TENANT) == before
        clock.value = LEASE_SECONDS
        assert feed.stamp(TENANT) is None
        # Nothing was lost meanwhile: after the next renewal, what was read is current again.
        await until(lambda: feed.stamp(TENANT) is not None)
        assert feed.stamp(TENANT) == before


@on_postgres
async def test_a_lost_connection_outdates_everything_and_the_feed_connects_again(database_url: str, postgres: PostgresServer) -> None:
    db = Database(database_url)
    async with following(database_url) as feed:
        for _ in range(3):
            before = feed.stamp(TENANT)
            (backend,) = backends_of(postgres, database_url)
            postgres.psql(database_url, f"SELECT pg_terminate_backend({backend})")
            await until(lambda before=before: feed.stamp(TENANT) not in (None, before))  # type: ignore[misc]
        before = feed.stamp(TENANT)
        await rename(db)
        assert feed.stamp(TENANT) == before
        async with db.transaction() as session:
            session.add(Tenant(tenant=TENANT, client_name="First"))
        await until(lambda: feed.stamp(TENANT) not in (None, before))
    await db.close()


@on_postgres
async def test_a_server_that_stalls_ends_the_lease_until_it_goes_on(database_url: str, postgres: PostgresServer) -> None:
    async with following(database_url) as feed:
        (backend,) = backends_of(postgres, database_url)
        os.kill(backend, signal.SIGSTOP)
        try:
            await until(lambda: feed.stamp(TENANT) is None)
        finally:
            os.kill(backend, signal.SIGCONT)
        await until(lambda: feed.stamp(TENANT) is not None)


@on_postgres
async def test_a_feed_starts_when_the_server_does_and_ends_when_no_one_follows(database_url: str) -> None:
    feed = PostgresListener(URL_OF_NOTHING)
    async with feed.follow():
        assert feed.stamp(TENANT) is None
    async with following(database_url) as feed:
        assert feed.stamp(TENANT) is not None
    assert feed.stamp(TENANT) is None


@on_postgres
async def test_a_revocation_waits_for_a_gateway_that_does_not_confirm_only_until_its_lease_is_over(database_url: str) -> None:
    db = Database(database_url)
    _, options = database_address(database_url).get_dialect()().create_connect_args(database_address(database_url))
    async with await psycopg.AsyncConnection.connect(**options, autocommit=True) as silent, following(database_url) as feed:
        await silent.execute("SELECT pg_advisory_lock(%s, 7)", (GATEWAYS,))
        async with db.transaction() as session:
            session.add(Tenant(tenant=TENANT, client_name="First"))
        loop = asyncio.get_running_loop()
        started = loop.time()
        await rename(db)
        assert loop.time() - started >= LEASE_SECONDS
        # It confirms now: a revocation ends as soon as it has.
        await silent.execute(f"LISTEN {CONFIRM}")
        revoking = asyncio.create_task(rename(db))
        async for notification in silent.notifies(stop_after=1):
            before = feed.stamp(TENANT)
            nonce = notification.payload
        await silent.execute("SELECT pg_notify(%s, %s)", (CONFIRMED, "another 7"))
        await silent.execute("SELECT pg_notify(%s, %s)", (CONFIRMED, f"{nonce} 7"))
        await revoking
        assert feed.stamp(TENANT) is not None and before is not None
    await db.close()


@on_postgres
async def test_without_gateways_and_without_a_server_a_revocation_ends(database_url: str) -> None:
    db = Database(database_url)
    await wait_for_gateways(db.engine)
    gone = Database(URL_OF_NOTHING.render_as_string())
    await wait_for_gateways(gone.engine)
    await db.close()
    await gone.close()


@on_postgres
async def test_a_change_that_is_rolled_back_changes_nothing(database_url: str) -> None:
    db = Database(database_url)
    async with following(database_url) as feed:
        before = feed.mark()
        with pytest.raises(LookupError):
            async with db.transaction() as session:
                await session.execute(text("INSERT INTO tenants (tenant, client_name, created_at) VALUES (gen_random_uuid(), 'x', now())"))
                raise LookupError
        await wait_for_gateways(db.engine)
        assert feed.mark() == before
    await db.close()


class Pooler:
    """Stands between a client and the server, and gives clients process numbers of its own, as poolers do."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.accepted = 0
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.open += 1
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await asyncio.gather(self._copy(reader, server_writer), self._copy(server_reader, writer, changes_number=True))
        finally:
            self.open -= 1

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, changes_number: bool = False) -> None:
        marker = b"K\x00\x00\x00\x0c"
        while data := await reader.read(65_536):
            if changes_number and marker in data:
                before, _, after = data.partition(marker)
                data = before + marker + (7).to_bytes(4, "big") + after[4:]
                changes_number = False
            writer.write(data)
        writer.close()
        await writer.wait_closed()


@on_postgres
async def test_behind_a_pooler_the_feed_knows_nothing(database_url: str, postgres: PostgresServer) -> None:
    pooler = Pooler(postgres.port)
    server = await asyncio.start_server(pooler.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    feed = PostgresListener(database_address(f"postgresql://{OWNER}@127.0.0.1:{port}/{database_url.rpartition('/')[2]}?sslmode=disable"))

    def came_back() -> bool:
        assert feed.stamp(TENANT) is None
        return pooler.accepted >= 2 and pooler.open == 0

    async with feed.follow():
        # It tries again, because the pooler may be removed; at no time does it trust the connection.
        await until(came_back)
    server.close()
    await server.wait_closed()
