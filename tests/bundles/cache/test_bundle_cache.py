"""A bundle in the cache is complete and verified, or not there at all."""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.limits import ArchiveLimits
from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.cache.errors import ArchiveHashMismatch
from holdfast.bundles.store.errors import BundleNotFound, BundleStoreUnavailable
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from tests.bundles.archives import MANIFEST, archive, bundle, regular
from tests.bundles.object_stores import CacheEnvironment, CountingStore


@pytest.fixture
def environment(tmp_path: Path) -> CacheEnvironment:
    return CacheEnvironment(tmp_path)


async def test_a_bundle_is_unpacked_into_the_documented_places(environment: CacheEnvironment, tmp_path: Path) -> None:
    digest = await environment.put(bundle(tmp_path / "b", {"dist/main.wasm": b"\0asm", "ui/app.js": b"1"}))
    unpacked = await environment.cache.ensure("t", "e", f"sha256:{digest}")
    entry = tmp_path / "cache" / digest
    assert unpacked.root == entry / "bundle" and unpacked.ui == entry / "ui"
    assert unpacked.component == entry / "bundle/dist/main.wasm"
    assert unpacked.component_sha256 == hash_file(entry / "bundle/dist/main.wasm")
    assert (entry / "bundle/manifest.json").read_bytes() == MANIFEST
    assert (entry / "bundle/.ready").read_text() == "ok"
    assert unpacked.ui_files["app.js"].sha256 == hash_file(entry / "ui/app.js")
    assert unpacked.ui_files["app.js"].size == 1
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [digest]


async def test_a_bundle_of_pages_only_has_no_component(environment: CacheEnvironment, tmp_path: Path) -> None:
    unpacked = await environment.cache.ensure("t", "e", await environment.put(bundle(tmp_path / "b")))
    assert unpacked.component is None and unpacked.component_sha256 is None


async def test_a_component_without_manifest_and_pages_is_enough(environment: CacheEnvironment, tmp_path: Path) -> None:
    unpacked = await environment.cache.ensure("t", "e", await environment.put(archive(tmp_path / "b", regular("dist/main.wasm"))))
    assert unpacked.component is not None
    assert unpacked.ui.is_dir() and unpacked.ui_files == {}


async def test_pages_packed_in_ui_dist_are_the_pages(environment: CacheEnvironment, tmp_path: Path) -> None:
    members = [
        regular("manifest.json", MANIFEST),
        regular("ui/dist/index.html", b"built"),
        regular("ui/dist/a/b.js"),
        regular("ui/src/c.js"),
    ]
    unpacked = await environment.cache.ensure("t", "e", await environment.put(archive(tmp_path / "b", *members)))
    assert sorted(unpacked.ui_files) == ["a/b.js", "index.html"]
    assert (unpacked.ui / "index.html").read_bytes() == b"built"


async def test_an_index_in_ui_comes_before_one_in_ui_dist(environment: CacheEnvironment, tmp_path: Path) -> None:
    digest = await environment.put(bundle(tmp_path / "b", {"ui/dist/index.html": b"built"}))
    assert "dist/index.html" in (await environment.cache.ensure("t", "e", digest)).ui_files


async def test_a_tampered_bundle_is_a_mismatch_and_leaves_nothing(environment: CacheEnvironment, tmp_path: Path) -> None:
    digest = await environment.put(bundle(tmp_path / "b"))
    stored = tmp_path / "store" / bundle_key("t", "e", digest)
    stored.write_bytes(bytes([stored.read_bytes()[0] ^ 1]) + stored.read_bytes()[1:])
    with pytest.raises(ArchiveHashMismatch) as caught:
        await environment.cache.ensure("t", "e", digest)
    assert caught.value.message == f"archive hash mismatch: expected {digest}, got {hash_file(stored)}"
    assert (caught.value.code, caught.value.status) == ("archive_hash_mismatch", 502)
    assert environment.remaining_files() == []


@pytest.mark.parametrize("kind", ["not zstd", "traversal", "too large"])
async def test_a_damaged_bundle_is_rejected_and_leaves_nothing(environment: CacheEnvironment, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "b"
    if kind == "not zstd":
        path.write_bytes(b"these bytes have the right hash")
    elif kind == "traversal":
        archive(path, regular("ui/index.html"), regular("../../../escaped"))
    else:
        bundle(path)
        environment.cache = BundleCache(tmp_path / "cache", environment.store, ArchiveLimits(compressed=50))
    digest = await environment.put(path)
    with pytest.raises(ExtractFailed) as caught:
        await environment.cache.ensure("t", "e", digest)
    assert (caught.value.code, caught.value.status) == ("extract_failed", 500)
    assert environment.remaining_files() == []
    assert not list(tmp_path.rglob("escaped"))


async def test_a_missing_bundle_is_not_remembered_as_missing(environment: CacheEnvironment, tmp_path: Path) -> None:
    source = bundle(tmp_path / "b")
    with pytest.raises(BundleNotFound):
        await environment.cache.ensure("t", "e", hash_file(source))
    assert environment.remaining_files() == []
    await environment.put(source)
    assert (await environment.cache.ensure("t", "e", hash_file(source))).ui_files


async def test_an_interrupted_download_leaves_nothing(tmp_path: Path) -> None:
    class Breaking(FolderStore):
        async def get(self, key: str) -> AsyncGenerator[bytes, None]:
            yield b"half"
            raise BundleStoreUnavailable("gone")

    cache = BundleCache(tmp_path / "cache", Breaking(tmp_path))
    with pytest.raises(BundleStoreUnavailable):
        await cache.ensure("t", "e", "ab" * 32)
    assert list((tmp_path / "cache").iterdir()) == []


async def test_concurrent_callers_cause_one_fetch(environment: CacheEnvironment, tmp_path: Path) -> None:
    digest = await environment.put(bundle(tmp_path / "b"))
    environment.store.gate.clear()
    waiting = [asyncio.create_task(environment.cache.ensure("t", "e", digest)) for _ in range(20)]
    await environment.store.started.wait()
    environment.store.gate.set()
    assert len({id(bundle) for bundle in await asyncio.gather(*waiting)}) == 1
    await environment.cache.ensure("t", "e", digest)
    assert len(environment.store.fetches) == 1


async def test_a_slow_fetch_delays_no_other(environment: CacheEnvironment, tmp_path: Path) -> None:
    slow, other = await environment.put(bundle(tmp_path / "b", {"ui/a.js": b"1"})), await environment.put(bundle(tmp_path / "b"))
    environment.store.gate.clear()
    environment.store.held = slow
    waiting = asyncio.create_task(environment.cache.ensure("t", "e", slow))
    await environment.store.started.wait()
    assert (await environment.cache.ensure("t", "e", other)).ui_files
    assert not waiting.done()
    environment.store.gate.set()
    assert (await waiting).ui_files


async def test_a_bundle_becomes_visible_completely_or_not_at_all(environment: CacheEnvironment, tmp_path: Path) -> None:
    pages = {f"ui/assets/{index}.js": b"1" * 3_000 for index in range(300)}
    digest = await environment.put(bundle(tmp_path / "b", pages))
    folder = tmp_path / "cache" / digest
    over = threading.Event()

    def watch() -> set[int]:
        seen = set()
        while not over.is_set():
            seen.add(len(list((folder / "ui/assets").glob("*.js"))) if folder.exists() else 0)
        return seen

    watching = asyncio.create_task(asyncio.to_thread(watch))
    await environment.cache.ensure("t", "e", digest)
    over.set()
    assert await watching <= {0, 300}


async def test_two_tenants_at_once_share_one_fetch(environment: CacheEnvironment, tmp_path: Path) -> None:
    source = bundle(tmp_path / "b")
    digest = await environment.put(source, "t1")
    await environment.put(source, "t2")
    await asyncio.gather(*(environment.cache.ensure(tenant, "e", digest) for tenant in ("t1", "t2", "t1", "t2")))
    assert len(environment.store.fetches) == 1


async def test_a_tenant_without_the_bundle_does_not_disturb_one_that_has_it(environment: CacheEnvironment, tmp_path: Path) -> None:
    digest = await environment.put(bundle(tmp_path / "b"), "t2")
    first, second = await asyncio.gather(
        *(environment.cache.ensure(tenant, "e", digest) for tenant in ("t1", "t2")), return_exceptions=True
    )
    assert isinstance(first, BundleNotFound)
    assert not isinstance(second, BaseException) and second.ui_files


async def test_a_cancelled_caller_does_not_cancel_the_fetch_of_the_others(environment: CacheEnvironment, tmp_path: Path) -> None:
    digest = await environment.put(bundle(tmp_path / "b"))
    environment.store.gate.clear()
    leaving, staying = (asyncio.create_task(environment.cache.ensure("t", "e", digest)) for _ in range(2))
    await environment.store.started.wait()
    leaving.cancel()
    environment.store.gate.set()
    assert (await staying).ui_files
    assert len(environment.store.fetches) == 1


async def test_closing_in_the_middle_of_a_fetch_leaves_nothing(environment: CacheEnvironment, tmp_path: Path) -> None:
    digest = await environment.put(bundle(tmp_path / "b"))
    environment.store.gate.clear()
    waiting = asyncio.create_task(environment.cache.ensure("t", "e", digest))
    await environment.store.started.wait()
    await environment.cache.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert environment.remaining_files() == []


async def test_another_process_uses_the_entry_without_a_fetch(environment: CacheEnvironment, tmp_path: Path) -> None:
    digest = await environment.put(bundle(tmp_path / "b"))
    await environment.cache.ensure("t", "e", digest)
    other = CountingStore(tmp_path / "store")
    assert (await BundleCache(tmp_path / "cache", other).ensure("t", "e", digest)).ui_files
    assert other.fetches == []


@pytest.mark.parametrize("damaged", ["bundle/dist/main.wasm", "bundle/manifest.json", "ui/index.html", "bundle/.index.json"])
async def test_an_entry_that_was_changed_on_disk_is_fetched_again(environment: CacheEnvironment, tmp_path: Path, damaged: str) -> None:
    digest = await environment.put(bundle(tmp_path / "b", {"dist/main.wasm": b"\0asm"}))
    await environment.cache.ensure("t", "e", digest)
    await environment.cache.close()
    path = tmp_path / "cache" / digest / damaged
    path.chmod(0o644)
    path.write_bytes(b"changed")
    again = BundleCache(tmp_path / "cache", environment.store)
    unpacked = await again.ensure("t", "e", digest)
    await again.close()
    assert path.read_bytes() != b"changed"
    assert unpacked.component is not None and unpacked.component.read_bytes() == b"\0asm"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [digest]


async def test_an_entry_that_was_removed_is_fetched_again(environment: CacheEnvironment, tmp_path: Path) -> None:
    digest = await environment.put(bundle(tmp_path / "b"))
    unpacked = await environment.cache.ensure("t", "e", digest)
    unpacked.root.parent.rename(tmp_path / "elsewhere")
    assert (await environment.cache.ensure("t", "e", digest)).ui.is_dir()
    assert len(environment.store.fetches) == 2


async def test_a_start_removes_stale_workspaces_and_keeps_those_in_use(tmp_path: Path) -> None:
    dead, living = tmp_path / ".work-dead/unpacked", tmp_path / ".work-living/unpacked"
    dead.mkdir(parents=True)
    living.mkdir(parents=True)
    descriptor = os.open(living.parent, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        BundleCache(tmp_path, FolderStore(tmp_path / "store"))
        assert [path.name for path in tmp_path.iterdir()] == [".work-living"]
    finally:
        os.close(descriptor)
