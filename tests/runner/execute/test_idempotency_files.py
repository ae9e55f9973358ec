"""Idempotency keys across the workers of one runner."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from holdfast.contract.execute import Envelope
from holdfast.runner.execute.idempotency import IdempotentCalls
from holdfast.runner.execute.idempotency_files import SharedResponses

RESPONSE = Envelope(status=201, headers={"a": "b"}, body_b64=b"\x00\xff", header_list=[("a", "b")])


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def worker(folder: Path, **limits: Any) -> IdempotentCalls:
    """The idempotent calls of one worker. Workers share the folder, not their memory."""
    return IdempotentCalls(
        seconds=10, max_bytes=1_000_000, shared=SharedResponses(folder, **({"seconds": 10, "max_bytes": 1_000_000} | limits))
    )


async def never() -> Envelope:
    raise AssertionError("the call was run once more")


async def respond() -> Envelope:
    return RESPONSE


async def test_one_worker_repeats_the_response_of_another(tmp_path: Path) -> None:
    assert await worker(tmp_path).run_once(b"a", respond) == (RESPONSE, False)
    assert await worker(tmp_path).run_once(b"a", never) == (RESPONSE, True)
    assert await worker(tmp_path).run_once(b"b", respond) == (RESPONSE, False)


async def test_no_other_user_may_read_the_responses(tmp_path: Path) -> None:
    await worker(tmp_path).run_once(b"a", respond)
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]


async def test_a_worker_waits_for_the_same_call_in_another_worker(tmp_path: Path) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    async def run() -> Envelope:
        started.set()
        await go.wait()
        return RESPONSE

    first = asyncio.create_task(worker(tmp_path).run_once(b"a", run))
    await started.wait()
    second = asyncio.create_task(worker(tmp_path).run_once(b"a", never))
    await asyncio.sleep(0.01)
    assert not second.done()
    go.set()
    assert (await first, await second) == ((RESPONSE, False), (RESPONSE, True))


async def test_after_a_failure_another_worker_runs_the_call(tmp_path: Path) -> None:
    async def fail() -> Envelope:
        return Envelope(status=500, error="execute_failed: trap: x")

    await worker(tmp_path).run_once(b"a", fail)
    assert await worker(tmp_path).run_once(b"a", respond) == (RESPONSE, False)


async def test_a_result_is_cached_until_it_expires(tmp_path: Path) -> None:
    clock = Clock()
    await worker(tmp_path, now=clock).run_once(b"a", respond)
    clock.now += 9.9
    assert await worker(tmp_path, now=clock).run_once(b"a", never) == (RESPONSE, True)
    clock.now += 0.1
    assert await worker(tmp_path, now=clock).run_once(b"a", respond) == (RESPONSE, False)


HOLDER = """
import asyncio, sys
from pathlib import Path
from holdfast.runner.execute.idempotency_files import SharedResponses
async def main():
    async with SharedResponses(Path(sys.argv[1]), seconds=10, max_bytes=1000).hold(b"a"):
        print("held", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_a_killed_worker_does_not_block_the_others(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and await asyncio.to_thread(holder.stdout.readline) == b"held\n"
        waiting = asyncio.create_task(worker(tmp_path).run_once(b"a", respond))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        holder.send_signal(signal.SIGKILL)
        assert await waiting == (RESPONSE, False)


async def test_an_incomplete_response_is_ignored(tmp_path: Path) -> None:
    await worker(tmp_path).run_once(b"a", respond)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert await worker(tmp_path).run_once(b"a", respond) == (RESPONSE, False)


async def test_expired_responses_and_those_beyond_the_limit_are_removed(tmp_path: Path) -> None:
    clock = Clock()
    clock.now = 0.0
    big = Envelope(status=200, body_b64=b"x" * 1_000)

    async def run() -> Envelope:
        return big

    calls = worker(tmp_path, now=clock, max_bytes=5_000)
    for number in range(20):
        await calls.run_once(bytes([number]), run)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 6_500
    for path in tmp_path.iterdir():
        os.utime(path, (-100, -100))
    await calls.run_once(b"last", run)
    assert [path.name for path in tmp_path.iterdir()] == [b"last".hex()]


async def test_on_a_full_disk_the_response_is_sent_but_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, content: bytes, offset: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    assert await worker(tmp_path).run_once(b"a", respond) == (RESPONSE, False)
