"""Buckets in a file: the same rules as in memory, for several processes, whatever happens to one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.gateway.limits.bucket_file import BucketFile, FileBuckets
from holdfast.http.token_bucket import Rate
from tests.waiting import MAX_WAIT_SECONDS, wait_until

# Takes tokens until there are none, and prints how many it got. `started` tells the test that it is about to begin.
ACQUIRE_ALL = """
import sys
from pathlib import Path
from holdfast.gateway.limits.bucket_file import BucketFile, FileBuckets
from holdfast.http.token_bucket import Rate
# However busy the machine is, no process gives up waiting for the lock.
file = BucketFile(Path(sys.argv[1]), clock=lambda: 1.0, lock_seconds=300)
buckets = FileBuckets(file, "calls", Rate(int(sys.argv[2]), 1))
taken = 0
while buckets.acquire(("tenant", "extension")).allowed:
    taken += 1
print(taken)
"""

# Takes and refunds tokens of many keys without end.
CHURN = """
import itertools, sys
from pathlib import Path
from holdfast.gateway.limits.bucket_file import BucketFile, FileBuckets
from holdfast.http.token_bucket import Rate
buckets = FileBuckets(BucketFile(Path(sys.argv[1]), clock=lambda: 1.0), "calls", Rate(1000, 1))
for number in itertools.count():
    buckets.acquire(str(number % 50))
    buckets.refund(str(number % 50))
    if number == 100:
        print("started", flush=True)
"""

# Locks the whole file and keeps the lock.
HOLD = """
import fcntl, os, sys, time
descriptor = os.open(sys.argv[1], os.O_RDWR)
fcntl.lockf(descriptor, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(10_000)
"""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path, clock: Clock) -> Iterator[BucketFile]:
    opened = BucketFile(tmp_path / "limits", clock=clock)
    yield opened
    opened.close()


def process(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def started(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that has printed its first line."""
    running = process(script, *arguments)
    assert running.stdout is not None
    with running.stdout as output:
        assert output.readline()
    return running


def test_the_rules_are_those_of_buckets_in_memory(file: BucketFile, clock: Clock) -> None:
    buckets = FileBuckets(file, "calls", Rate(2, 0.25))
    assert [buckets.acquire("a").remaining for _ in range(2)] == [1, 0]
    denied = buckets.acquire("a")
    assert (denied.allowed, denied.retry_after_seconds, denied.reset_seconds) == (False, 4, 8)
    assert buckets.peek("a") == denied
    assert buckets.acquire("b").allowed
    clock.now = 4.0
    assert [buckets.peek("a").allowed, buckets.acquire("a").allowed, buckets.acquire("a").allowed] == [True, True, False]
    buckets.refund("a")
    assert [buckets.acquire("a").allowed for _ in range(2)] == [True, False]
    buckets.reset("a")
    buckets.refund("a")
    assert [buckets.acquire("a").allowed for _ in range(3)] == [True, True, False]
    clock.now = 1_000_000.0
    assert [buckets.acquire("a").allowed for _ in range(3)] == [True, True, False]


def test_names_separate_the_buckets_of_one_file(file: BucketFile) -> None:
    first, second = FileBuckets(file, "calls", Rate(1, 1)), FileBuckets(file, "publish", Rate(1, 1))
    assert [first.acquire("a").allowed, second.acquire("a").allowed, first.acquire("a").allowed] == [True, True, False]


def test_the_file_stays_small_and_recently_used_buckets_stay_in_it(file: BucketFile, tmp_path: Path, clock: Clock) -> None:
    buckets = FileBuckets(file, "calls", Rate(1_000, 1))
    for _ in range(999):
        buckets.acquire("busy")
    size = (tmp_path / "limits").stat().st_size
    for number in range(100_000):
        buckets.acquire(f"other {number}")
    assert (tmp_path / "limits").stat().st_size == size <= 2 * 1024 * 1024
    assert [buckets.acquire("busy").allowed for _ in range(2)] == [True, False]


def test_processes_together_get_as_many_tokens_as_there_are(tmp_path: Path) -> None:
    processes = [process(ACQUIRE_ALL, tmp_path / "limits", 20_000) for _ in range(3)]
    taken = [int(one.communicate(timeout=MAX_WAIT_SECONDS)[0]) for one in processes]
    assert [one.returncode for one in processes] == [0, 0, 0]
    assert sum(taken) == 20_000


def test_a_killed_process_leaves_a_file_that_others_use(tmp_path: Path) -> None:
    path = tmp_path / "limits"
    for _ in range(3):
        churning = started(CHURN, path)
        churning.send_signal(signal.SIGKILL)
        churning.wait(MAX_WAIT_SECONDS)
    file = BucketFile(path, clock=lambda: 1.0)
    buckets = FileBuckets(file, "calls", Rate(1_000, 1))
    # Each kill may have come between a token taken and its refund.
    assert all(buckets.acquire(str(number)).remaining >= 996 for number in range(50))
    file.close()


def test_a_suspended_process_that_holds_a_lock_delays_no_one(tmp_path: Path, file: BucketFile) -> None:
    holder = started(HOLD, tmp_path / "limits")
    os.kill(holder.pid, signal.SIGSTOP)
    try:
        buckets = FileBuckets(file, "calls", Rate(2, 1))
        assert [buckets.acquire("a").allowed for _ in range(3)] == [True, True, False]
    finally:
        holder.kill()
        holder.wait(MAX_WAIT_SECONDS)


def test_a_lock_is_released_after_each_use(tmp_path: Path, file: BucketFile) -> None:
    FileBuckets(file, "calls", Rate(2, 1)).acquire("a")
    locks_all = "import fcntl, os, sys; fcntl.lockf(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB); print('free')"
    assert process(locks_all, tmp_path / "limits").communicate(timeout=MAX_WAIT_SECONDS)[0] == "free\n"


@pytest.mark.parametrize("damage", [b"", b"another format", b"x" * 10_000])
def test_a_file_of_another_version_is_replaced(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "limits"
    path.write_bytes(damage)
    file = BucketFile(path, clock=lambda: 1.0)
    assert FileBuckets(file, "calls", Rate(2, 1)).acquire("a").remaining == 1
    file.close()
    assert [found.name for found in tmp_path.iterdir()] == ["limits"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_damaged_times_mean_full_buckets(tmp_path: Path, clock: Clock, file: BucketFile) -> None:
    buckets = FileBuckets(file, "calls", Rate(2, 1))
    clock.now = 1_000_000.0
    buckets.acquire("a")
    clock.now = 5.0  # the machine was restarted
    assert [buckets.acquire("a").allowed for _ in range(3)] == [True, True, False]


def test_processes_that_open_it_together_share_one_file(tmp_path: Path) -> None:
    path = tmp_path / "limits"
    processes = [process(ACQUIRE_ALL, path, 1) for _ in range(4)]
    assert sum(int(one.communicate(timeout=MAX_WAIT_SECONDS)[0]) for one in processes) == 1
    wait_until(lambda: [found.name for found in tmp_path.iterdir()] == ["limits"])
