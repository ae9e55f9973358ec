"""A cache on a disk that is full, not writable, or had a power failure: a clear error or the right bytes."""

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
from tests.bundles.object_stores import CacheEnvironment
from tests.waiting import MAX_WAIT_SECONDS

REPOSITORY = Path(__file__).parents[3]
LARGE = {"ui/app.js": b"".join(hashlib.sha256(str(index).encode()).digest() for index in range(30_000))}
"""A page of a megabyte that does not compress."""


@pytest.fixture
def environment(tmp_path: Path) -> CacheEnvironment:
    return CacheEnvironment(tmp_path)


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


async def test_a_full_disk_is_reported_with_its_setting_and_the_next_call_works_after_space_is_freed(environment: CacheEnvironment) -> None:
    root = environment.root / "disk"
    small = await environment.put(bundle(environment.root / "small"))
    large = await environment.put(bundle(environment.root / "large", LARGE))
    with small_disk(root, "3m") as mounted:
        if not mounted:
            # The next test proves the same with a limit that everybody may set.
            return
        cache = BundleCache(root, environment.store)
        kept = await cache.ensure("t", "e", small)
        filler = root / "filler"
        filler.write_bytes(bytes(1_500_000))
        for _ in range(2):
            with pytest.raises(ExtractFailed, match="EXT_CACHE_ROOT") as caught:
                await cache.ensure("t", "e", large)
            assert caught.value.message == "The bundle could not be written to the cache folder: No space left on device."
            assert (caught.value.code, caught.value.status) == ("extract_failed", 500)
            assert caught.value.details["rule"] in ("disk_full", "cache_not_writable")
            assert {path.name for path in root.iterdir()} == {small, "filler"}
        assert (await cache.ensure("t", "e", small)) is kept
        filler.unlink()
        assert (await cache.ensure("t", "e", large)).ui_files["app.js"].size == len(LARGE["ui/app.js"])
        await cache.close()


async def test_a_file_beyond_the_size_limit_of_the_process_leaves_nothing(environment: CacheEnvironment) -> None:
    digest = await environment.put(bundle(environment.root / "large", LARGE))
    line = [
        sys.executable,
        "-m",
        "tests.bundles.cache_process",
        "limited",
        f"{environment.root}/cache",
        f"{environment.root}/store",
        "1000000000",
    ]
    output = subprocess.run(
        [*line, digest, "100000"], cwd=REPOSITORY, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=True
    ).stdout
    first, second = output.splitlines()
    assert first.startswith("The bundle could not be written to the cache folder: File too large. Free space on the disk of EXT_CACHE_ROOT")
    assert first.endswith(" []")
    assert second == "['app.js', 'index.html']"


async def test_a_folder_that_is_not_writable_is_reported_with_its_setting(environment: CacheEnvironment) -> None:
    digest = await environment.put(bundle(environment.root / "made"))
    (environment.root / "file").write_bytes(b"")
    cache = BundleCache(environment.root / "file", environment.store)
    with pytest.raises(ExtractFailed, match="Set EXT_CACHE_ROOT to a folder that the runner can write"):
        await cache.ensure("t", "e", digest)
    (environment.root / "file").unlink()
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
async def test_an_entry_that_a_power_failure_damaged_is_fetched_again(
    environment: CacheEnvironment, file: str, found: Callable[[Path], bytes] | None
) -> None:
    """Nothing is synced, so after a power failure any file may be missing, empty, full of zeros, or contain old disk blocks."""
    digest = await environment.put(bundle(environment.root / "made", {"dist/main.wasm": b"wasm"}))
    other = await environment.put(archive(environment.root / "made", regular("manifest.json", MANIFEST)))
    for each in (digest, other):
        await environment.cache.ensure("t", "e", each)
    await environment.cache.close()
    entry = environment.root / "cache" / digest
    (environment.root / "cache" / other).rename(entry.parent / digest[::-1])
    content = None if found is None else found(entry)
    (entry / file).unlink()
    if content is not None:
        (entry / file).write_bytes(content)
    (entry.parent / digest[::-1]).rename(environment.root / "other")
    again = BundleCache(environment.root / "cache", environment.store)
    unpacked = await again.ensure("t", "e", digest)
    assert unpacked.component is not None and unpacked.component.read_bytes() == b"wasm"
    assert (unpacked.root / "manifest.json").read_bytes() == MANIFEST
    assert (unpacked.ui / "index.html").read_bytes() == b"<!doctype html><title>Notes</title>"
    assert environment.store.fetches.count(environment.store.fetches[0]) == 2
    await again.close()
    assert environment.entries() == {digest}
    assert size_on_disk(entry) is not None


async def test_an_entry_with_an_empty_marker_and_correct_files_is_used(environment: CacheEnvironment) -> None:
    digest = await environment.put(bundle(environment.root / "made"))
    await environment.cache.ensure("t", "e", digest)
    (environment.root / "cache" / digest / "bundle/.ready").write_bytes(b"")
    again = BundleCache(environment.root / "cache", environment.store)
    assert (await again.ensure("t", "e", digest)).ui_files
    await again.close()
    assert len(environment.store.fetches) == 1
