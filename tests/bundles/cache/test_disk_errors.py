"""A cache on a disk that is full, not writable, or lost power: a clear error or the right bytes, never anything else."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.cache.unpacked import size_on_disk
from tests.bundles.archives import MANIFEST, archive, bundle, regular
from tests.bundles.object_stores import Cupboard
from tests.waiting import MAX_WAIT_SECONDS

REPOSITORY = Path(__file__).parents[3]
LARGE = {"ui/app.js": b"".join(hashlib.sha256(str(index).encode()).digest() for index in range(30_000))}
"""A page of a megabyte that does not compress."""


@pytest.fixture
def cupboard(tmp_path: Path) -> Cupboard:
    return Cupboard(tmp_path)


@contextmanager
def small_disk(at: Path, size: str) -> Iterator[bool]:
    """A disk of its own mounted at the folder `at`; gives False where that is not permitted."""
    at.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(at)], capture_output=True, check=False)
    try:
        yield mounted.returncode == 0
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", str(at)], check=True)


async def test_a_full_disk_is_told_with_its_setting_and_the_next_call_works_once_there_is_room(cupboard: Cupboard) -> None:
    root = cupboard.root / "disk"
    small = await cupboard.put(bundle(cupboard.root / "small"))
    large = await cupboard.put(bundle(cupboard.root / "large", LARGE))
    with small_disk(root, "3m") as mounted:
        if not mounted:
            # The next test proves the same with a limit that everybody may set.
            return
        cache = BundleCache(root, cupboard.store)
        kept = await cache.ensure("t", "e", small)
        filler = root / "filler"
        filler.write_bytes(bytes(1_500_000))
        for _ in range(2):
            with pytest.raises(ExtractFailed, match="EXT_CACHE_ROOT") as refused:
                await cache.ensure("t", "e", large)
            assert refused.value.message == "The bundle could not be written to the cache folder: No space left on device."
            assert (refused.value.code, refused.value.status) == ("extract_failed", 500)
            assert {path.name for path in root.iterdir()} == {small, "filler"}
        assert (await cache.ensure("t", "e", small)) is kept
        filler.unlink()
        assert (await cache.ensure("t", "e", large)).ui_files["app.js"].size == len(LARGE["ui/app.js"])
        await cache.close()


async def test_a_file_that_may_not_become_as_large_as_it_is_leaves_nothing(cupboard: Cupboard) -> None:
    digest = await cupboard.put(bundle(cupboard.root / "large", LARGE))
    line = [
        sys.executable,
        "-m",
        "tests.bundles.cache_process",
        "limited",
        f"{cupboard.root}/cache",
        f"{cupboard.root}/store",
        "1000000000",
    ]
    said = subprocess.run(
        [*line, digest, "100000"], cwd=REPOSITORY, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=True
    ).stdout
    first, second = said.splitlines()
    assert first.startswith("The bundle could not be written to the cache folder: File too large. Free space on the disk of EXT_CACHE_ROOT")
    assert first.endswith(" []")
    assert second == "['app.js', 'index.html']"


async def test_a_folder_that_cannot_be_written_is_told_with_its_setting(cupboard: Cupboard) -> None:
    digest = await cupboard.put(bundle(cupboard.root / "made"))
    (cupboard.root / "file").write_bytes(b"")
    cache = BundleCache(cupboard.root / "file", cupboard.store)
    with pytest.raises(ExtractFailed, match="Set EXT_CACHE_ROOT to a folder that the runner can write"):
        await cache.ensure("t", "e", digest)
    (cupboard.root / "file").unlink()
    assert (await cache.ensure("t", "e", digest)).ui_files
    await cache.close()


def _of_another_bundle(entry: Path) -> bytes:
    return (entry.parent / entry.name[::-1] / "bundle/.index.json").read_bytes()


def _without_the_page(entry: Path) -> bytes:
    index = json.loads((entry / "bundle/.index.json").read_bytes().partition(b"\n")[2])
    del index["files"]["ui/index.html"]
    return b"0" * 64 + b"\n" + json.dumps(index).encode()


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("bundle/.ready", None),
        ("bundle/.index.json", None),
        ("bundle/.index.json", lambda entry: b""),
        ("bundle/.index.json", lambda entry: bytes((entry / "bundle/.index.json").stat().st_size)),
        ("bundle/.index.json", lambda entry: (entry / "bundle/.index.json").read_bytes()[:-20]),
        ("bundle/.index.json", _of_another_bundle),
        ("bundle/.index.json", _without_the_page),
        ("ui/index.html", None),
        ("ui/index.html", lambda entry: b""),
        ("ui/index.html", lambda entry: bytes((entry / "ui/index.html").stat().st_size)),
        ("bundle/dist/main.wasm", lambda entry: b"of another bundle"),
        ("bundle/manifest.json", lambda entry: b"{}"),
    ],
)
async def test_whatever_a_loss_of_power_left_of_an_entry_it_is_made_anew(
    cupboard: Cupboard, file: str, found: Callable[[Path], bytes] | None
) -> None:
    """Nothing is synced, so that any file may be missing, empty, full of zeros, or hold what the disk had there before."""
    digest = await cupboard.put(bundle(cupboard.root / "made", {"dist/main.wasm": b"wasm"}))
    other = await cupboard.put(archive(cupboard.root / "made", regular("manifest.json", MANIFEST)))
    for each in (digest, other):
        await cupboard.cache.ensure("t", "e", each)
    await cupboard.cache.close()
    entry = cupboard.root / "cache" / digest
    (cupboard.root / "cache" / other).rename(entry.parent / digest[::-1])
    content = None if found is None else found(entry)
    (entry / file).unlink()
    if content is not None:
        (entry / file).write_bytes(content)
    (entry.parent / digest[::-1]).rename(cupboard.root / "other")
    again = BundleCache(cupboard.root / "cache", cupboard.store)
    unpacked = await again.ensure("t", "e", digest)
    assert unpacked.component is not None and unpacked.component.read_bytes() == b"wasm"
    assert (unpacked.root / "manifest.json").read_bytes() == MANIFEST
    assert (unpacked.ui / "index.html").read_bytes() == b"<!doctype html><title>Notes</title>"
    assert cupboard.store.fetches.count(cupboard.store.fetches[0]) == 2
    await again.close()
    assert cupboard.entries() == {digest}
    assert size_on_disk(entry) is not None


async def test_an_empty_marker_still_marks_an_entry_whose_files_are_right(cupboard: Cupboard) -> None:
    digest = await cupboard.put(bundle(cupboard.root / "made"))
    await cupboard.cache.ensure("t", "e", digest)
    (cupboard.root / "cache" / digest / "bundle/.ready").write_bytes(b"")
    again = BundleCache(cupboard.root / "cache", cupboard.store)
    assert (await again.ensure("t", "e", digest)).ui_files
    await again.close()
    assert len(cupboard.store.fetches) == 1
