"""The lock on a file: one holder at a time over all processes, released with the process, and a wait that can be cancelled."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.concurrency.file_locks import file_locked
from tests.waiting import MAX_WAIT_SECONDS

HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


async def test_it_waits_for_another_process_and_gets_the_lock_when_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        cancelled = asyncio.create_task(_hold(path))
        waiting = asyncio.create_task(_hold(path))
        await asyncio.sleep(0)
        assert not waiting.done()
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        holder.kill()
        await asyncio.wait_for(waiting, MAX_WAIT_SECONDS)


async def test_one_task_holds_it_at_a_time(tmp_path: Path) -> None:
    path, inside = tmp_path / "a.lock", 0

    async def work() -> None:
        nonlocal inside
        async with file_locked(path):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(work() for _ in range(3)))


async def _hold(path: Path) -> None:
    async with file_locked(path):
        pass
