"""Gateways in processes of their own: a revocation waits for all that run, and not longer than the lease for one that is stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import structlog
from sqlalchemy import update

from holdfast.records.changes.postgres_listener import PostgresListener
from holdfast.records.database.address import database_address
from holdfast.records.database.database import Database
from holdfast.records.models.users import Tenant
from tests.records.databases import TENANT, on_postgres
from tests.records.postgres import postgres_server
from tests.waiting import MAX_WAIT_SECONDS, until


class Gateway:
    """A process that follows the feed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self.process = process
        self._written, self._said = process.stdin, process.stdout

    def ask(self) -> None:
        self._written.write("\n")
        self._written.flush()

    def answer(self) -> str:
        return self._said.readline().strip()

    def next_decision(self) -> str:
        """What it finds as soon as it has a lease: on a busy machine it may be without one for a while."""
        self.ask()
        while (found := self.answer()) == "nothing":
            self.ask()
        return found


@contextmanager
def gateway(url: str) -> Iterator[Gateway]:
    command = [sys.executable, "-m", "tests.records.changes.following_process", url, TENANT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            found = Gateway(process)
            # Its log goes to the same output.
            while (line := found.answer()) != "ready":
                assert line, "the process has ended"
            yield found
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(timeout=MAX_WAIT_SECONDS) == 0
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


async def rename(db: Database, name: str) -> None:
    async with db.transaction() as session:
        await session.execute(update(Tenant).where(Tenant.tenant == TENANT).values(client_name=name))


@on_postgres
async def test_a_stopped_gateway_delays_a_revocation_until_its_lease_is_over_and_decides_nothing_afterwards(database_url: str) -> None:
    db = Database(database_url)
    async with db.transaction() as session:
        session.add(Tenant(tenant=TENANT, client_name="First"))
    with ExitStack() as held:
        running, stopped = held.enter_context(gateway(database_url)), held.enter_context(gateway(database_url))
        await rename(db, "confirmed by both")
        for one in (running, stopped):
            assert one.next_decision() == "changed"
        stopped.process.send_signal(signal.SIGSTOP)
        with structlog.testing.capture_logs() as logs:
            await rename(db, "confirmed by one")
        assert [line["event"] for line in logs] == ["revocation_not_confirmed"]
        assert running.next_decision() == "changed"
        # Asked before it goes on, so that this is the first thing it does: its lease ended while it stood still.
        stopped.ask()
        stopped.process.send_signal(signal.SIGCONT)
        assert stopped.answer() in {"nothing", "changed"}
        await rename(db, "confirmed by both again")
    await db.close()


async def test_a_feed_survives_a_restart_of_the_server_and_trusts_nothing_from_before() -> None:
    with postgres_server() as server, server.migrated() as url:
        feed = PostgresListener(database_address(url))
        async with feed.follow():
            await until(lambda: feed.mark() is not None)
            before = feed.stamp(TENANT)
            server.stop()
            await until(lambda: feed.stamp(TENANT) is None)
            server.start()
            await until(lambda: feed.stamp(TENANT) is not None)
            assert feed.stamp(TENANT) != before
            db = Database(url)
            async with db.transaction() as session:
                session.add(Tenant(tenant=TENANT, client_name="First"))
            last = feed.stamp(TENANT)
            await rename(db, "after the restart")
            assert feed.stamp(TENANT) not in (None, last)
            await db.close()
