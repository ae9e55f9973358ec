"""Thousands of damaged and forged bundles: each is unpacked completely or rejected; none crashes, writes elsewhere, or leaves files."""

from __future__ import annotations

import hashlib
import random
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.limits import ArchiveLimits
from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.cache.unpacked import open_unpacked, unpack_bundle
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from tests.bundles.memory_disk import memory_folder
from tests.bundles.mutations import MUTATIONS, OUTSIDE, Mutation, mutated_stream, mutated_tar
from tests.session.effort import repetitions

pytestmark = pytest.mark.fuzz

EACH_LONG = 1_000
EACH = repetitions(200, long=EACH_LONG)
LIMITS = ArchiveLimits(compressed=200_000, expanded=1_000_000, entries=30)
Maker = Callable[[random.Random], bytes]


def _tar(mutation: Mutation) -> Maker:
    return lambda source: mutated_tar(mutation, source)


MAKERS: dict[str, Maker] = {mutation.__name__: _tar(mutation) for mutation in MUTATIONS} | {"stream": mutated_stream}


def test_the_long_run_tries_ten_thousand() -> None:
    assert len(MAKERS) * EACH_LONG == 10_000


def outcome(archive: Path, folder: Path, digest: str) -> bool:
    """Whether the bundle was accepted. Fails unless it was unpacked completely or rejected."""
    try:
        unpack_bundle(archive, folder, LIMITS, digest)
    except ExtractFailed:
        return False
    bundle = open_unpacked(folder)
    assert bundle is not None
    files = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        assert stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
        if stat.S_ISREG(status.st_mode):
            files[path.relative_to(folder).as_posix()] = status.st_size
    assert {name.removeprefix("ui/") for name in files if name.startswith("ui/")} == set(bundle.ui_files)
    assert {name for name in files if name.rpartition("/")[2].startswith(".")} == {"bundle/.ready", "bundle/.index.json"}
    folded = [name.casefold() for name in files]
    assert len(set(folded)) == len(folded) <= LIMITS.entries + 2
    assert sum(files.values()) <= LIMITS.expanded + files["bundle/.index.json"]
    return True


@pytest.fixture
def fast_disk() -> Iterator[Path]:
    with memory_folder() as folder:
        yield folder


@pytest.mark.parametrize("name", MAKERS)
def test_a_mutated_bundle_is_unpacked_completely_or_rejected(fast_disk: Path, name: str) -> None:
    around = fast_disk / "around"
    target = around / "target"
    target.mkdir(parents=True)
    accepted = 0
    for seed in range(EACH):
        data = MAKERS[name](random.Random(f"{name} {seed}"))
        digest = hashlib.sha256(data).hexdigest()
        archive = target / "archive"
        archive.write_bytes(data)
        try:
            accepted += outcome(archive, target / digest, digest)
        except Exception as error:
            raise AssertionError(f"seed {name!r} {seed}") from error
        assert {path.name for path in target.iterdir()} <= {"archive", digest}, seed
        assert [path.name for path in around.iterdir()] == ["target"], seed
        shutil.rmtree(target / digest, ignore_errors=True)
    assert [path.name for path in fast_disk.iterdir()] == ["around"]
    assert not Path(f"/tmp/{OUTSIDE}").exists()
    # A mutation that is always rejected or always accepted would prove little.
    assert 10 <= accepted <= EACH - 50


@pytest.mark.parametrize("name", MAKERS)
async def test_a_mutated_bundle_is_in_the_cache_completely_or_not_at_all(tmp_path: Path, name: str) -> None:
    store, root = FolderStore(tmp_path / "store"), tmp_path / "cache"
    for seed in range(30):
        made = tmp_path / "made"
        made.write_bytes(MAKERS[name](random.Random(f"cache {name} {seed}")))
        digest = hash_file(made)
        await store.put(bundle_key("t", "e", digest), made)
        cache = BundleCache(root, store, LIMITS)
        try:
            async with cache.use("t", "e", digest) as bundle:
                assert all(hash_file(bundle.ui / page) == entry.sha256 for page, entry in bundle.ui_files.items())
        except ExtractFailed:
            pass
        # Closed first: this waits for the eviction that a fetch triggers, which reads and moves the same entries.
        await cache.close()
        shutil.rmtree(root / digest, ignore_errors=True)
        assert list(root.iterdir()) == [], seed
    assert {path.name for path in tmp_path.iterdir()} == {"store", "cache", "made"}
