"""The cache keeps to its size: what was not used for longest goes first, what anybody uses stays."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from holdfast.bundles.cache import eviction
from holdfast.bundles.cache.entries import open_entry, remove_entry
from holdfast.bundles.cache.eviction import Evictor
from holdfast.bundles.cache.unpacked import size_on_disk
from holdfast.bundles.store.hashing import hash_file
from tests.bundles.archives import bundle
from tests.bundles.object_stores import Cupboard
from tests.waiting import MAX_WAIT_SECONDS

REPOSITORY = Path(__file__).parents[3]
"""How long another process may take before a test gives up."""


@pytest.fixture
def cupboard(tmp_path: Path) -> Cupboard:
    return Cupboard(tmp_path)


async def filled(cupboard: Cupboard, count: int) -> tuple[list[str], int]:
    """That many bundles of one size in store and cache, used in this order; what one takes on disk."""
    digests = []
    for index in range(count):
        content = {"dist/main.wasm": f"wasm {index}".encode(), "ui/app.js": f"{index:>100000}".encode()}
        digest = await cupboard.put(bundle(cupboard.root / "made", content))
        await cupboard.cache.ensure("t", "e", digest)
        cupboard.age(digest, 1_000 + index)
        digests.append(digest)
    await cupboard.cache.close()
    size = size_on_disk(cupboard.root / "cache" / digests[0])
    assert size is not None
    return digests, size


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


def command(what: str, cupboard: Cupboard, max_bytes: int, *rest: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "tests.bundles.cache_process",
        what,
        f"{cupboard.root}/cache",
        f"{cupboard.root}/store",
        f"{max_bytes}",
        *rest,
    ]


@contextmanager
def held_elsewhere(cupboard: Cupboard, digest: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that uses the bundle until the block ends, or until it is killed."""
    line = command("hold", cupboard, 1 << 30, digest)
    with subprocess.Popen(line, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process


@contextmanager
def crowding(cupboard: Cupboard, max_bytes: int, *rest: str) -> Iterator[subprocess.Popen[bytes]]:
    line = command("crowd", cupboard, max_bytes, *rest)
    with subprocess.Popen(line, cwd=REPOSITORY, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def test_what_was_not_used_for_longest_goes_first(cupboard: Cupboard) -> None:
    digests, size = asyncio.run(filled(cupboard, 4))
    cupboard.age(digests[0], 5_000)
    assert Evictor(cupboard.root / "cache", 3 * size).evict()
    assert cupboard.entries() == {digests[0], digests[2], digests[3]}
    assert Evictor(cupboard.root / "cache", size + size // 2).evict()
    assert cupboard.entries() == {digests[0]}


async def test_what_a_bundle_takes_is_what_the_disk_gives_for_it(cupboard: Cupboard) -> None:
    digests, size = await filled(cupboard, 1)
    files = [path.stat() for path in (cupboard.root / "cache" / digests[0]).rglob("*") if path.is_file()]
    assert sum(file.st_size for file in files) < size
    assert sum(file.st_blocks * 512 for file in files) <= size


async def test_a_bundle_that_arrives_makes_the_cache_keep_to_its_size(cupboard: Cupboard) -> None:
    digests, size = await filled(cupboard, 3)
    other = cupboard.another(max_bytes=2 * size)
    (cupboard.root / "cache" / digests[2]).rename(cupboard.root / "elsewhere")
    await other.ensure("t", "e", digests[2])
    await until(lambda: cupboard.entries() == {digests[1], digests[2]})
    await other.close()


async def test_a_bound_that_was_lowered_counts_from_the_first_use(cupboard: Cupboard) -> None:
    digests, size = await filled(cupboard, 4)
    other = cupboard.another(max_bytes=2 * size)
    await other.ensure("t", "e", digests[0])
    await until(lambda: cupboard.entries() == {digests[0], digests[3]})
    await other.close()


async def test_a_use_is_written_down_for_other_processes(cupboard: Cupboard) -> None:
    digests, size = await filled(cupboard, 3)
    await cupboard.another(1 << 30).ensure("t", "e", digests[0])
    assert Evictor(cupboard.root / "cache", 2 * size).evict()
    assert cupboard.entries() == {digests[0], digests[2]}


async def test_a_bundle_in_use_stays_until_its_last_user_is_done(cupboard: Cupboard) -> None:
    digests, _ = await filled(cupboard, 2)
    cache, evictor = cupboard.another(1 << 30), Evictor(cupboard.root / "cache", 0)
    async with cache.use("t", "e", digests[0]):
        async with cache.use("t", "e", digests[0]) as unpacked:
            assert not evictor.evict()
        assert not evictor.evict()
        assert cupboard.entries() == {digests[0]}
        assert (unpacked.ui / "index.html").is_file()
    assert evictor.evict()
    assert cupboard.entries() == set()


async def test_a_bundle_that_another_process_uses_stays_and_goes_when_that_process_is_killed(cupboard: Cupboard) -> None:
    digests, _ = await filled(cupboard, 2)
    evictor = Evictor(cupboard.root / "cache", 0)
    with held_elsewhere(cupboard, digests[0]) as process:
        assert not evictor.evict()
        assert cupboard.entries() == {digests[0]}
        process.kill()
        process.wait()
        assert evictor.evict()
    assert cupboard.entries() == set()


async def test_who_waits_for_a_fetch_gets_the_bundle_before_room_is_made(cupboard: Cupboard) -> None:
    digest = await cupboard.put(bundle(cupboard.root / "made"))
    small = cupboard.another(max_bytes=1)
    cupboard.store.gate.clear()

    async def page() -> bytes:
        async with small.use("t", "e", digest) as unpacked:
            await asyncio.to_thread(Evictor(small.root, 1).evict)
            return (unpacked.ui / "index.html").read_bytes()

    waiting = [asyncio.create_task(page()) for _ in range(10)]
    leaving = asyncio.create_task(small.ensure("t", "e", digest))
    await cupboard.store.started.wait()
    leaving.cancel()
    cupboard.store.gate.set()
    assert set(await asyncio.gather(*waiting)) == {b"<!doctype html><title>Notes</title>"}
    assert len(cupboard.store.fetches) == 1
    await small.close()


async def test_a_bundle_larger_than_the_cache_works_and_goes_when_nobody_uses_it(
    cupboard: Cupboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eviction, "RETRY_SECONDS", 0.001)
    digest = await cupboard.put(bundle(cupboard.root / "made", {"ui/app.js": b"1" * 100_000}))
    small = cupboard.another(max_bytes=50_000)
    for _ in range(2):
        async with small.use("t", "e", digest) as unpacked:
            assert (unpacked.ui / "app.js").read_bytes() == b"1" * 100_000
        await until(lambda: cupboard.entries() == set())
    await small.close()
    assert len(cupboard.store.fetches) == 2


async def test_a_bundle_that_another_process_removed_is_fetched_again(cupboard: Cupboard) -> None:
    digests, _ = await filled(cupboard, 1)
    cache = cupboard.another(1 << 30)
    await cache.ensure("t", "e", digests[0])
    assert Evictor(cupboard.root / "cache", 0).evict()
    async with cache.use("t", "e", digests[0]) as unpacked:
        assert hash_file(unpacked.ui / "app.js") == unpacked.ui_files["app.js"].sha256
    assert len(cupboard.store.fetches) == 2


async def test_a_user_of_an_entry_that_was_replaced_does_not_keep_the_new_one(cupboard: Cupboard) -> None:
    digests, _ = await filled(cupboard, 1)
    folder = cupboard.root / "cache" / digests[0]
    old = open_entry(folder)
    assert old is not None
    old.release()
    assert remove_entry(folder, cupboard.root)
    await cupboard.another(1 << 30).ensure("t", "e", digests[0])
    assert not old.acquire()
    assert remove_entry(folder, cupboard.root)


async def test_a_fetch_that_ends_while_it_is_cancelled_keeps_nothing_in_use(cupboard: Cupboard) -> None:
    digest = await cupboard.put(bundle(cupboard.root / "made"))
    for turns in range(12):
        cache = cupboard.another(1 << 30)
        asking = asyncio.create_task(cache.ensure("t", "e", digest))
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await cache.close()
        assert Evictor(cupboard.root / "cache", 0).evict()
        assert cupboard.left() == []


async def test_what_serves_nobody_goes_first_and_what_is_not_ours_stays(cupboard: Cupboard) -> None:
    digests, size = await filled(cupboard, 3)
    root = cupboard.root / "cache"
    (root / digests[2] / "bundle/.index.json").write_bytes(b"half")
    (root / digests[1] / "bundle/.index.json").unlink()
    (root / ("ab" * 32)).mkdir()
    (root / ".work-of-a-killed-process").mkdir()
    (root / "lost+found").mkdir()
    assert Evictor(root, size).evict()
    assert cupboard.entries() == {digests[0], "lost+found"}


async def test_processes_that_use_and_evict_the_same_bundles_at_once_never_see_half_of_one(cupboard: Cupboard) -> None:
    digests, size = await filled(cupboard, 8)
    with ExitStack() as crowd:
        processes = [crowd.enter_context(crowding(cupboard, 3 * size, *digests, str(seed))) for seed in range(3)]
        for process in processes:
            said = process.communicate(timeout=MAX_WAIT_SECONDS)[1]
            assert process.returncode == 0, said
    assert Evictor(cupboard.root / "cache", 3 * size).evict()
    assert len(cupboard.entries()) <= 3
    assert not [name for name in cupboard.entries() if name.startswith(".")]
