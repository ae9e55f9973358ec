"""A gateway process that is killed while calls run: every call that was let through has its row."""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import UTC, datetime

import pytest

from holdfast.gateway.audit.cut_off import CUT_OFF_AFTER, mark_cut_off
from holdfast.records.database.database import Database
from tests.gateway.audit.calls import rows
from tests.records.postgres import PostgresServer
from tests.session.effort import repetitions
from tests.waiting import MAX_WAIT_SECONDS

MODULE = "tests.gateway.audit.calling_process"


async def run_and_kill(url: str, prefix: str, after_lines: int) -> set[str]:
    """The request ids that the process printed before it was killed."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", MODULE, url, prefix, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    printed = []
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        for _ in range(after_lines):
            line = await process.stdout.readline()
            assert line.endswith(b"\n"), "the process ended by itself"
            printed.append(line)
        process.kill()
        printed += (await process.stdout.read()).splitlines(keepends=True)
        await process.wait()
    # The last line may have been cut.
    return {line.decode().strip() for line in printed if line.endswith(b"\n")}


@pytest.mark.process
async def test_a_killed_process_leaves_a_row_for_every_call_and_says_which_were_cut_off(
    db: Database, database_url: str, request: pytest.FixtureRequest
) -> None:
    if not db.is_sqlite:
        server: PostgresServer = request.getfixturevalue("postgres")
        statement = f"ALTER DATABASE {database_url.rpartition('/')[2]} SET synchronous_commit = on"
        await asyncio.to_thread(server.psql, server.url("postgres"), statement)
    let_through: set[str] = set()
    for attempt in range(repetitions(1, long=15)):
        let_through |= await run_and_kill(db.url, f"a{attempt}", random.randint(1, 800))
    found = await rows(db)
    assert let_through <= {row.request_id for row in found}
    assert {row.status for row in found} <= {"started", "ok"}

    marked = await mark_cut_off(db, now=datetime.now(UTC) + CUT_OFF_AFTER, only_own=True)
    ended = await rows(db)
    assert marked == sum(row.status == "started" for row in found)
    assert {(row.status, row.error) for row in ended} <= {("ok", None), ("error", "cut_off")}
