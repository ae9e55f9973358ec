"""Bundles from a remote store: downloads are limited, failures are not remembered, one slow bundle delays no other."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.limits import ArchiveLimits
from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.cache.errors import ArchiveHashMismatch
from holdfast.bundles.store.errors import BundleNotFound, BundleStoreUnavailable
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from holdfast.bundles.store.open_store import open_store
from holdfast.bundles.store.protocol import BundleStore
from holdfast.bundles.store.retry import RetryPolicy
from holdfast.settings import Settings
from tests.bundles.archives import bundle
from tests.bundles.loopback import Request, files, head, in_sequence, respond_with, serving
from tests.bundles.s3_server import make_bucket
from tests.waiting import MAX_WAIT_SECONDS

QUICK = RetryPolicy(
    connect=MAX_WAIT_SECONDS, idle=MAX_WAIT_SECONDS, reading=MAX_WAIT_SECONDS, attempts=2, first_pause=0.001, longest_pause=0.001
)


def opened(origin: str) -> BundleStore:
    return open_store(Settings(bundle_store_base=origin), QUICK)


def left(cache: BundleCache) -> list[Path]:
    return [path for path in cache.root.rglob("*") if path.is_file()]


async def test_a_bundle_in_an_s3_bucket_is_fetched_once(s3_origin: str, tmp_path: Path) -> None:
    source = bundle(tmp_path / "bundle", {"dist/main.wasm": b"\0asm"})
    digest = hash_file(source)
    settings = {"bundle_store_base": make_bucket(s3_origin, "cached"), "s3_access_key": "a", "s3_secret_key": "b"}
    store = open_store(Settings(**settings), QUICK)
    cache = BundleCache(tmp_path / "cache", store)
    with pytest.raises(BundleNotFound):
        await cache.ensure("t", "e", digest)
    await store.put(bundle_key("t", "e", digest), source)
    unpacked = await cache.ensure("t", "e", f"sha256:{digest}")
    assert unpacked.component is not None and unpacked.component.read_bytes() == b"\0asm"
    await store.delete(bundle_key("t", "e", digest))
    assert (await cache.ensure("t", "e", digest)).root == unpacked.root


async def test_an_endless_download_is_stopped_and_disconnected(tmp_path: Path) -> None:
    hung_up = asyncio.Event()

    async def endless(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200))
        try:
            while True:
                writer.write(bytes(64 * 1024))
                await writer.drain()
        finally:
            hung_up.set()

    async with serving(endless) as server:
        cache = BundleCache(tmp_path / "cache", opened(server.origin), ArchiveLimits(compressed=2 * 1024 * 1024))
        with pytest.raises(ExtractFailed, match="more than 2097152 bytes"):
            await cache.ensure("t", "e", "ab" * 32)
        await asyncio.wait_for(hung_up.wait(), MAX_WAIT_SECONDS)
        assert left(cache) == []


async def test_a_store_that_comes_back_is_used_at_once(tmp_path: Path) -> None:
    source = bundle(tmp_path / "bundle")
    digest = hash_file(source)
    with socket.socket() as sock:
        # Bound and not listening: connections are refused until the server starts on it.
        sock.bind(("127.0.0.1", 0))
        cache = BundleCache(tmp_path / "cache", opened(f"http://127.0.0.1:{sock.getsockname()[1]}"))
        for _ in range(2):
            with pytest.raises(BundleStoreUnavailable):
                await cache.ensure("t", "e", digest)
        assert left(cache) == []
        async with serving(files({bundle_key("t", "e", digest): source.read_bytes()}), sock=sock):
            assert (await cache.ensure("t", "e", digest)).ui_files


@pytest.mark.parametrize(
    ("status", "content", "code"),
    [(503, b"", BundleStoreUnavailable), (403, b"", BundleStoreUnavailable), (404, b"", BundleNotFound), (200, b"x", ArchiveHashMismatch)],
)
async def test_no_failure_is_remembered(tmp_path: Path, status: int, content: bytes, code: type[Exception]) -> None:
    source = bundle(tmp_path / "bundle")
    failing = [respond_with(status, content)] * (QUICK.attempts if status == 503 else 1)
    async with serving(in_sequence(*failing, respond_with(200, source.read_bytes()))) as server:
        cache = BundleCache(tmp_path / "cache", opened(server.origin))
        with pytest.raises(code):
            await cache.ensure("t", "e", hash_file(source))
        assert (await cache.ensure("t", "e", hash_file(source))).ui_files


async def test_a_fetch_that_hangs_delays_no_other_and_serves_all_who_wait(tmp_path: Path) -> None:
    slow, quick = bundle(tmp_path / "slow", {"ui/a.js": b"slow"}), bundle(tmp_path / "quick", {"ui/a.js": b"quick"})
    content = {bundle_key("t", "e", hash_file(path)): path.read_bytes() for path in (slow, quick)}
    goes_on, requested = asyncio.Event(), asyncio.Event()

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        if hash_file(slow) in request.target:
            requested.set()
            await goes_on.wait()
        await files(content)(request, writer)

    async with serving(script) as server:
        cache = BundleCache(tmp_path / "cache", opened(server.origin))
        waiting = [asyncio.create_task(cache.ensure("t", "e", hash_file(slow))) for _ in range(5)]
        await asyncio.wait_for(requested.wait(), MAX_WAIT_SECONDS)
        assert (await cache.ensure("t", "e", hash_file(quick))).ui_files
        assert not any(task.done() for task in waiting)
        goes_on.set()
        assert all(unpacked.ui_files for unpacked in await asyncio.gather(*waiting))
        assert len(server.requests) == 2
