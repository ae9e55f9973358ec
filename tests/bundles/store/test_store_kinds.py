"""Every kind of bundle store has the same guarantees: a folder, a bucket of a real S3-compatible server, a web server."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.store.errors import BundleNotFound, BundleStoreUnavailable
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import InvalidBundleKey, bundle_key
from holdfast.bundles.store.open_store import open_store
from holdfast.bundles.store.protocol import BundleStore
from holdfast.settings import Settings
from tests.bundles.archives import bundle
from tests.bundles.loopback import files, serving
from tests.bundles.s3_server import make_bucket

MIB = 1024 * 1024
KEY = bundle_key("t", "e", "ab" * 32)
LARGE = bytes(range(256)) * (3 * MIB // 256) + b"the rest"


class Shelf:
    """A store, and a way to lay something into it as an operator would."""

    def __init__(self, store: BundleStore, lay: Callable[[str, Path], Awaitable[None]]) -> None:
        self.store = store
        self.lay = lay


@asynccontextmanager
async def folder_shelf(folder: Path, s3_origin: str) -> AsyncIterator[Shelf]:
    store = open_store(Settings(bundle_store_base=str(folder / "store")))
    yield Shelf(store, store.put)


def s3_store(base: str) -> BundleStore:
    return open_store(Settings(bundle_store_base=base, s3_access_key="minioadmin", s3_secret_key="minioadmin"))


@asynccontextmanager
async def s3_shelf(folder: Path, s3_origin: str) -> AsyncIterator[Shelf]:
    store = s3_store(make_bucket(s3_origin, f"bucket-{secrets.token_hex(6)}"))
    yield Shelf(store, store.put)


@asynccontextmanager
async def prefix_shelf(folder: Path, s3_origin: str) -> AsyncIterator[Shelf]:
    store = s3_store(make_bucket(s3_origin, f"bucket-{secrets.token_hex(6)}") + "/some/prefix/")
    yield Shelf(store, store.put)


@asynccontextmanager
async def http_shelf(folder: Path, s3_origin: str) -> AsyncIterator[Shelf]:
    content: dict[str, bytes] = {}

    async def lay(key: str, source: Path) -> None:
        content[f"extensions/{key}"] = source.read_bytes()

    async with serving(files(content)) as server:
        yield Shelf(open_store(Settings(bundle_store_base=f"{server.origin}/extensions")), lay)


WRITABLE = {"folder": folder_shelf, "s3": s3_shelf, "s3 with a prefix": prefix_shelf}
ALL = WRITABLE | {"http": http_shelf}


@pytest.fixture(params=ALL)
async def shelf(request: pytest.FixtureRequest, tmp_path: Path, s3_origin: str) -> AsyncIterator[Shelf]:
    """A store of each kind that can be read."""
    async with ALL[request.param](tmp_path, s3_origin) as made:
        yield made


@pytest.fixture(params=WRITABLE)
async def store(request: pytest.FixtureRequest, tmp_path: Path, s3_origin: str) -> AsyncIterator[BundleStore]:
    """A store of each kind that can be written to."""
    async with WRITABLE[request.param](tmp_path, s3_origin) as made:
        yield made.store


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


async def pieces(store: BundleStore, key: str = KEY) -> list[bytes]:
    return [piece async for piece in store.get(key)]


@pytest.mark.parametrize("content", [b"", b"x", LARGE], ids=["empty", "small", "large"])
async def test_what_is_laid_in_comes_out_in_pieces_of_one_mebibyte_at_most(shelf: Shelf, tmp_path: Path, content: bytes) -> None:
    await shelf.lay(KEY, written(tmp_path / "source", content))
    assert await shelf.store.exists(KEY)
    read = await pieces(shelf.store)
    assert b"".join(read) == content
    assert [len(piece) for piece in read[:-1]] == [MIB] * (len(content) // MIB)


async def test_what_is_not_there_is_not_found(shelf: Shelf) -> None:
    assert not await shelf.store.exists(KEY)
    with pytest.raises(BundleNotFound):
        await pieces(shelf.store)


async def test_many_read_at_once(shelf: Shelf, tmp_path: Path) -> None:
    await shelf.lay(KEY, written(tmp_path / "source", LARGE))
    assert {b"".join(read) for read in await asyncio.gather(*(pieces(shelf.store) for _ in range(6)))} == {LARGE}


async def test_the_check_of_a_usable_store_succeeds_with_any_content(shelf: Shelf, tmp_path: Path) -> None:
    await shelf.store.check()
    await shelf.lay(KEY, written(tmp_path / "source", b"x"))
    await shelf.store.check()


@pytest.mark.parametrize("key", ["", "/a", "../x", "a/../b", "a//b", "a/.b", "a\\b", "a/b\n", "a?b", "a%2fb"])
async def test_a_key_that_leads_out_of_the_store_is_rejected(shelf: Shelf, tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidBundleKey):
        await pieces(shelf.store, key)
    with pytest.raises(InvalidBundleKey):
        await shelf.store.exists(key)


async def test_a_bundle_is_fetched_verified_and_unpacked_from_every_kind(shelf: Shelf, tmp_path: Path) -> None:
    source = bundle(tmp_path / "bundle")
    digest = hash_file(source)
    await shelf.lay(bundle_key("t", "e", digest), source)
    unpacked = await BundleCache(tmp_path / "cache", shelf.store).ensure("t", "e", digest)
    assert (unpacked.ui / "index.html").read_bytes().startswith(b"<!doctype html>")


async def test_putting_again_replaces(store: BundleStore, tmp_path: Path) -> None:
    await store.put(KEY, written(tmp_path / "one", LARGE))
    await store.put(KEY, written(tmp_path / "two", b"two"))
    assert await pieces(store) == [b"two"]


async def test_what_is_deleted_is_gone_and_its_neighbours_stay(store: BundleStore, tmp_path: Path) -> None:
    source = written(tmp_path / "source", b"x")
    await store.put("a/b/one", source)
    await store.put("a/two", source)
    await store.delete("a/b/one")
    await store.delete("a/b/one")
    assert not await store.exists("a/b/one")
    assert await pieces(store, "a/two") == [b"x"]


@pytest.mark.parametrize("key", ["../x", "a//b"])
async def test_nothing_is_written_or_removed_outside_the_store(store: BundleStore, tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidBundleKey):
        await store.put(key, written(tmp_path / "source", b"x"))
    with pytest.raises(InvalidBundleKey):
        await store.delete(key)


async def test_an_unreadable_source_file_is_reported(store: BundleStore, tmp_path: Path) -> None:
    with pytest.raises(BundleStoreUnavailable, match="No such file"):
        await store.put(KEY, tmp_path / "nothing")


async def test_a_web_server_is_only_read(tmp_path: Path, s3_origin: str) -> None:
    async with http_shelf(tmp_path, s3_origin) as shelf:
        with pytest.raises(BundleStoreUnavailable, match="is read-only"):
            await shelf.store.put(KEY, written(tmp_path / "source", b"x"))
        with pytest.raises(BundleStoreUnavailable, match="is read-only"):
            await shelf.store.delete(KEY)
