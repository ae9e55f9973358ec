"""Processes that are killed while they write: every acknowledged write is there, and the counters are right."""

from __future__ import annotations

import asyncio
import random
import sys

import pytest

from holdfast.records.database.database import Database
from tests.records.postgres import PostgresServer
from tests.session.effort import repetitions
from tests.storage.stores import counted, counts, service, usage
from tests.waiting import MAX_WAIT_SECONDS

MODULE = "tests.storage.writing_process"


async def run_and_kill(url: str, prefix: str, after_lines: int) -> list[tuple[str, int]]:
    """The keys and revisions that the process acknowledged before it was killed."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", MODULE, url, prefix, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        printed = [await process.stdout.readline() for _ in range(after_lines)]
        assert printed[-1].endswith(b"\n"), "the process ended by itself"
        process.kill()
        printed += (await process.stdout.read()).splitlines(keepends=True)
        await process.wait()
    # The last line may have been cut.
    fields = [line.decode().split() for line in printed if line.endswith(b"\n")]
    return [(key, int(revision)) for key, revision in fields]


@pytest.mark.process
async def test_processes_that_are_killed_lose_no_acknowledged_write(
    db: Database, database_url: str, request: pytest.FixtureRequest
) -> None:
    if not db.is_sqlite:
        server: PostgresServer = request.getfixturevalue("postgres")
        statement = f"ALTER DATABASE {database_url.rpartition('/')[2]} SET synchronous_commit = on"
        await asyncio.to_thread(server.psql, server.url("postgres"), statement)
    acknowledged: list[tuple[str, int]] = []
    for attempt in range(repetitions(1, long=10)):
        both = await asyncio.gather(*(run_and_kill(db.url, f"{attempt}{name}", random.randint(1, 600)) for name in "ab"))
        acknowledged += [*both[0], *both[1]]
    assert len(set(acknowledged)) == len(acknowledged), "two writes had one revision"
    store = service(db)
    for key, revision in dict(sorted(acknowledged, key=lambda one: one[1])).items():
        assert (await store.get("n", key)).revision >= revision
    assert (await usage(db), await counts(db)) == await counted(db)
