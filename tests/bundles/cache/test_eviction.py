"""The cache stays within its disk quota: the least recently used bundles go first, bundles in use stay."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from holdfast.bundles.cache import eviction
from holdfast.bundles.cache.entries import open_entry, remove_entry
from holdfast.bundles.cache.eviction import Evictor
from holdfast.bundles.cache.unpacked import size_on_disk
from holdfast.bundles.store.hashing import hash_file
from tests.bundles.archives import bundle
from tests.bundles.object_stores import CacheEnvironment
from tests.waiting import MAX_WAIT_SECONDS, until

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def environment(tmp_path: Path) -> CacheEnvironment:
    return CacheEnvironment(tmp_path)


async def fill_cache(environment: CacheEnvironment, count: int) -> tuple[list[str], int]:
    """Puts bundles of one size into store and cache, used in this order. Returns their hashes, and the disk space of one."""
    digests = []
    for index in range(count):
        content = {"dist/main.wasm": f"wasm {index}".encode(), "ui/app.js": f"{index:>100000}".encode()}
        digest = await environment.put(bundle(environment.root / "made", content))
        await environment.cache.ensure("t", "e", digest)
        environment.set_last_use(digest, 1_000 + index)
        digests.append(digest)
    await environment.cache.close()
    size = size_on_disk(environment.root / "cache" / digests[0])
    assert size is not None
    return digests, size


def command(what: str, environment: CacheEnvironment, max_bytes: int, *rest: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "tests.bundles.cache_process",
        what,
        f"{environment.root}/cache",
        f"{environment.root}/store",
        f"{max_bytes}",
        *rest,
    ]


@contextmanager
def used_by_another_process(environment: CacheEnvironment, digest: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that uses the bundle until the block ends, or until it is killed."""
    line = command("hold", environment, 1 << 30, digest)
    with subprocess.Popen(line, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process


@contextmanager
def stress_process(environment: CacheEnvironment, max_bytes: int, *rest: str) -> Iterator[subprocess.Popen[bytes]]:
    line = command("crowd", environment, max_bytes, *rest)
    with subprocess.Popen(line, cwd=REPOSITORY, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_least_recently_used_bundle_is_evicted_first(environment: CacheEnvironment) -> None:
    digests, size = asyncio.run(fill_cache(environment, 4))
    environment.set_last_use(digests[0], 5_000)
    assert Evictor(environment.root / "cache", 3 * size).evict()
    assert environment.entries() == {digests[0], digests[2], digests[3]}
    assert Evictor(environment.root / "cache", size + size // 2).evict()
    assert environment.entries() == {digests[0]}


async def test_the_size_of_a_bundle_is_its_disk_space(environment: CacheEnvironment) -> None:
    digests, size = await fill_cache(environment, 1)
    files = [path.stat() for path in (environment.root / "cache" / digests[0]).rglob("*") if path.is_file()]
    assert sum(file.st_size for file in files) < size
    assert sum(file.st_blocks * 512 for file in files) <= size


async def test_a_new_bundle_triggers_eviction(environment: CacheEnvironment) -> None:
    digests, size = await fill_cache(environment, 3)
    other = environment.open_another(max_bytes=2 * size)
    (environment.root / "cache" / digests[2]).rename(environment.root / "elsewhere")
    await other.ensure("t", "e", digests[2])
    await until(lambda: environment.entries() == {digests[1], digests[2]})
    await other.close()


async def test_a_lower_quota_applies_from_the_first_use(environment: CacheEnvironment) -> None:
    digests, size = await fill_cache(environment, 4)
    other = environment.open_another(max_bytes=2 * size)
    await other.ensure("t", "e", digests[0])
    await until(lambda: environment.entries() == {digests[0], digests[3]})
    await other.close()


async def test_a_use_is_recorded_for_other_processes(environment: CacheEnvironment) -> None:
    digests, size = await fill_cache(environment, 3)
    await environment.open_another(1 << 30).ensure("t", "e", digests[0])
    assert Evictor(environment.root / "cache", 2 * size).evict()
    assert environment.entries() == {digests[0], digests[2]}


async def test_a_bundle_in_use_stays_until_its_last_user_is_done(environment: CacheEnvironment) -> None:
    digests, _ = await fill_cache(environment, 2)
    cache, evictor = environment.open_another(1 << 30), Evictor(environment.root / "cache", 0)
    async with cache.use("t", "e", digests[0]):
        async with cache.use("t", "e", digests[0]) as unpacked:
            assert not evictor.evict()
        assert not evictor.evict()
        assert environment.entries() == {digests[0]}
        assert (unpacked.ui / "index.html").is_file()
    assert evictor.evict()
    assert environment.entries() == set()


async def test_a_bundle_in_use_by_another_process_stays_until_that_process_is_killed(environment: CacheEnvironment) -> None:
    digests, _ = await fill_cache(environment, 2)
    evictor = Evictor(environment.root / "cache", 0)
    with used_by_another_process(environment, digests[0]) as process:
        assert not evictor.evict()
        assert environment.entries() == {digests[0]}
        process.kill()
        process.wait()
        assert evictor.evict()
    assert environment.entries() == set()


async def test_callers_that_wait_for_a_fetch_get_the_bundle_before_it_can_be_evicted(environment: CacheEnvironment) -> None:
    digest = await environment.put(bundle(environment.root / "made"))
    small = environment.open_another(max_bytes=1)
    environment.store.gate.clear()

    async def page() -> bytes:
        async with small.use("t", "e", digest) as unpacked:
            await asyncio.to_thread(Evictor(small.root, 1).evict)
            return (unpacked.ui / "index.html").read_bytes()

    waiting = [asyncio.create_task(page()) for _ in range(10)]
    leaving = asyncio.create_task(small.ensure("t", "e", digest))
    await environment.store.started.wait()
    leaving.cancel()
    environment.store.gate.set()
    assert set(await asyncio.gather(*waiting)) == {b"<!doctype html><title>Notes</title>"}
    assert len(environment.store.fetches) == 1
    await small.close()


async def test_a_bundle_larger_than_the_quota_works_and_is_evicted_after_use(
    environment: CacheEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eviction, "RETRY_SECONDS", 0.001)
    digest = await environment.put(bundle(environment.root / "made", {"ui/app.js": b"1" * 100_000}))
    small = environment.open_another(max_bytes=50_000)
    for _ in range(2):
        async with small.use("t", "e", digest) as unpacked:
            assert (unpacked.ui / "app.js").read_bytes() == b"1" * 100_000
        await until(lambda: environment.entries() == set())
    await small.close()
    assert len(environment.store.fetches) == 2


async def test_a_bundle_that_another_process_removed_is_fetched_again(environment: CacheEnvironment) -> None:
    digests, _ = await fill_cache(environment, 1)
    cache = environment.open_another(1 << 30)
    await cache.ensure("t", "e", digests[0])
    assert Evictor(environment.root / "cache", 0).evict()
    async with cache.use("t", "e", digests[0]) as unpacked:
        assert hash_file(unpacked.ui / "app.js") == unpacked.ui_files["app.js"].sha256
    assert len(environment.store.fetches) == 2


async def test_a_user_of_a_replaced_entry_does_not_hold_the_new_one(environment: CacheEnvironment) -> None:
    digests, _ = await fill_cache(environment, 1)
    folder = environment.root / "cache" / digests[0]
    old = open_entry(folder)
    assert old is not None
    old.release()
    assert remove_entry(folder, environment.root)
    await environment.open_another(1 << 30).ensure("t", "e", digests[0])
    assert not old.acquire()
    assert remove_entry(folder, environment.root)


async def test_a_fetch_that_ends_while_it_is_cancelled_leaves_nothing_in_use(environment: CacheEnvironment) -> None:
    digest = await environment.put(bundle(environment.root / "made"))
    for pauses in range(12):
        cache = environment.open_another(1 << 30)
        fetch = asyncio.create_task(cache.ensure("t", "e", digest))
        for _ in range(pauses):
            await asyncio.sleep(0.0005)
        fetch.cancel()
        await asyncio.gather(fetch, return_exceptions=True)
        await cache.close()
        assert Evictor(environment.root / "cache", 0).evict()
        assert environment.remaining_files() == []


async def test_unusable_entries_are_evicted_first_and_foreign_folders_stay(environment: CacheEnvironment) -> None:
    digests, size = await fill_cache(environment, 3)
    root = environment.root / "cache"
    (root / digests[2] / "bundle/.index.json").write_bytes(b"half")
    (root / digests[1] / "bundle/.index.json").unlink()
    (root / ("ab" * 32)).mkdir()
    (root / ".work-of-a-killed-process").mkdir()
    (root / "lost+found").mkdir()
    assert Evictor(root, size).evict()
    assert environment.entries() == {digests[0], "lost+found"}


async def test_processes_that_use_and_evict_the_same_bundles_never_see_an_incomplete_one(environment: CacheEnvironment) -> None:
    digests, size = await fill_cache(environment, 8)
    with ExitStack() as crowd:
        processes = [crowd.enter_context(stress_process(environment, 3 * size, *digests, str(seed))) for seed in range(3)]
        for process in processes:
            output = process.communicate(timeout=MAX_WAIT_SECONDS)[1]
            assert process.returncode == 0, output
    assert Evictor(environment.root / "cache", 3 * size).evict()
    assert len(environment.entries()) <= 3
    assert not [name for name in environment.entries() if name.startswith(".")]
