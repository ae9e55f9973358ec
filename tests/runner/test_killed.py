"""A start that is killed at any moment of fetch, unpack or compile leaves nothing that later serves wrong bytes."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.cache.entries import open_entry
from holdfast.bundles.cache.unpacked import UnpackedBundle
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from tests.bundles.archives import bundle
from tests.bundles.memory_disk import memory_folder
from tests.engine.guests import RETURN, assemble, module, response_record
from tests.session.effort import repetitions

pytestmark = [pytest.mark.slow, pytest.mark.long]

REPOSITORY = Path(__file__).parents[2]
MOMENTS, RUN_EVERY = repetitions(60, long=1_000), 20


class Bench:
    """Three bundles in a store, and a warm process that starts runners to kill."""

    def __init__(self, root: Path, process: subprocess.Popen[str]) -> None:
        self.cache, self.artifacts = root / "cache", root / "artifacts"
        self.store = FolderStore(root / "store")
        self.packed: dict[str, dict[str, bytes]] = {}
        self.responses: dict[str, str] = {}
        self._root = root
        self._process = process

    async def pack(self, status: int, pages: int) -> None:
        wasm = assemble(module(RETURN, response=response_record(status, f"bundle {status}".encode())))
        files = {"dist/main.wasm": wasm.read_bytes(), "ui/index.html": str(status).encode()}
        files |= {f"ui/assets/{index}.js": f"{status} {index} ".encode() * 500 for index in range(pages)}
        made = bundle(self._root / "made", files)
        digest = hash_file(made)
        await self.store.put(bundle_key("t", "e", digest), made)
        self.packed[digest], self.responses[digest] = files, f"{status} bundle {status}"

    def start(self, digest: str, **order: Any) -> dict[str, Any]:
        """Starts a runner and returns how it ended. `order` says when to kill it; see `killing.py`."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"digest": digest} | order) + "\n")
        self._process.stdin.flush()
        report: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert report["code"] in (0, -9), report
        return report

    def run(self, digest: str) -> dict[str, Any]:
        """Runs a start to its end and checks its response."""
        report = self.start(digest)
        assert report["answer"] == self.responses[digest]
        return report

    def measure(self, digest: str) -> dict[str, Any]:
        """How a start runs whose modules are imported, as those are that are killed: their files are not the disk that this is about."""
        self.run(digest)
        self.clear(digest)
        return self.run(digest)

    def clear(self, digest: str, *, cached: bool = False, compiled: bool = False) -> None:
        """Deletes the cached bundle and the compiled component, so that the next start makes them again."""
        if not cached:
            shutil.rmtree(self.cache / digest, ignore_errors=True)
        if not compiled:
            for artifact in self.artifacts.glob("*.cwasm"):
                artifact.unlink()

    async def check(self, digest: str) -> None:
        """Checks that a cache entry, if there is one, is correct, and that the next start has a full entry and no remains."""
        entry = open_entry(self.cache / digest)
        if entry is not None:
            self._assert_complete(entry.bundle, digest)
            entry.release()
        cache = BundleCache(self.cache, self.store)
        assert not list(self.cache.glob(".*"))
        async with cache.use("t", "e", digest) as unpacked:
            self._assert_complete(unpacked, digest)
        await cache.close()
        assert {path.name for path in self.cache.iterdir()} <= set(self.packed)

    def _assert_complete(self, unpacked: UnpackedBundle, digest: str) -> None:
        packed = self.packed[digest]
        assert unpacked.component is not None
        assert unpacked.component.read_bytes() == packed["dist/main.wasm"]
        assert unpacked.component_sha256 == hash_file(unpacked.component)
        assert set(unpacked.ui_files) == {name.removeprefix("ui/") for name in packed if name.startswith("ui/")}
        for name in unpacked.ui_files:
            assert (unpacked.ui / name).read_bytes() == packed[f"ui/{name}"]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with memory_folder() as root:
        line = [sys.executable, "-m", "tests.runner.killing", *(str(root / name) for name in ("store", "cache", "artifacts"))]
        with subprocess.Popen(line, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield Bench(root, process)
            finally:
                process.kill()


async def test_after_a_kill_at_any_moment_the_next_start_serves_the_right_response(bench: Bench) -> None:
    source = random.Random(4)
    for status in (201, 202, 203):
        await bench.pack(status, pages=40)
    digests = list(bench.packed)
    durations = bench.measure(digests[0])
    killed = {"fetched": 0, "compiled": 0}
    while sum(killed.values()) < MOMENTS:
        digest = source.choice(digests)
        bench.clear(digest, cached=source.random() < 0.3, compiled=source.random() < 0.3)
        # Kill half of them during fetch and unpack, which is short, and half at any time.
        stage = source.choice(["cached", "seconds"])
        ended = bench.start(digest, after="start", seconds=source.uniform(0, durations[stage]))
        if ended["code"] == 0:
            # This start was faster than the first one. Kill the next ones sooner.
            assert ended["answer"] == bench.responses[digest]
            durations[stage] *= 0.95
            continue
        # If the machine has become slower, kill later: so both stages are reached at any speed.
        durations[stage] *= 1.02
        killed["compiled" if "cached" in ended["stages"] else "fetched"] += 1
        await bench.check(digest)
        if sum(killed.values()) % RUN_EVERY == 0:
            bench.run(digest)
    assert min(killed.values()) > 0
    _assert_nothing_is_left(bench, digests)


async def test_after_a_kill_at_each_step_on_the_disk_the_next_start_serves_the_right_response(bench: Bench) -> None:
    await bench.pack(201, pages=3)
    (digest,) = bench.packed
    steps = bench.measure(digest)["steps"]
    for step in range(1, steps + 1):
        bench.clear(digest)
        bench.start(digest, step=step)
        await bench.check(digest)
        if step % RUN_EVERY == 0:
            bench.run(digest)
    _assert_nothing_is_left(bench, [digest])


def _assert_nothing_is_left(bench: Bench, digests: list[str]) -> None:
    for digest in digests:
        bench.clear(digest)
        bench.run(digest)
    assert {path.name for path in bench.cache.iterdir()} == set(digests)
    assert not list(bench.artifacts.glob("*.tmp"))
