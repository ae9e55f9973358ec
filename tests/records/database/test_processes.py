"""Several processes write to one database."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from holdfast.records.database.database import Database
from holdfast.records.database.sqlite import checkpoints
from tests.records.database.roles import adding, role_names
from tests.records.databases import SQLITE_FILE, on_sqlite
from tests.session.effort import repetitions
from tests.waiting import MAX_WAIT_SECONDS

PROCESSES = 2


async def write_here(db: Database, count: int) -> None:
    for number in range(count):
        await db.write(adding(f"here {number}"))
        await asyncio.sleep(0.01)


@pytest.mark.process
async def test_processes_that_write_at_once_lose_nothing_and_fail_nowhere(db: Database) -> None:
    count = repetitions(60, long=2_000)
    module = "tests.records.database.writing_process"
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", module, db.url, f"p{number}", str(count), stderr=asyncio.subprocess.PIPE)
        for number in range(PROCESSES)
    ]
    # This process writes, too.
    ended, _ = await asyncio.gather(
        asyncio.gather(*(process.communicate() for process in processes)),
        write_here(db, count),
    )
    assert [process.returncode for process in processes] == [0] * PROCESSES, ended
    names = {f"{name} {number}" for name in ("here", *(f"p{process}" for process in range(PROCESSES))) for number in range(count)}
    assert set(await role_names(db)) == names


@on_sqlite
async def test_the_write_ahead_log_is_shortened_again_and_again_while_jobs_write_without_a_pause(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "SOFT_LIMIT_BYTES", 128 * 1024)
    monkeypatch.setattr(checkpoints, "HARD_LIMIT_BYTES", 256 * 1024)
    busy = Database(db.url)
    log = tmp_path / f"{SQLITE_FILE}-wal"
    length, shortened, number = 0, 0, 0
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while shortened < 3:
            await busy.write(adding(f"role {number}"))
            number += 1
            before, length = length, log.stat().st_size
            shortened += length < before
    await busy.close()
    assert len(await role_names(db)) == number
