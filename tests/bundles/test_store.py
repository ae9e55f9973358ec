"""What is put into a bundle store comes out again, and no key leads out of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from holdfast.bundles.hashing import InvalidContentHash
from holdfast.bundles.store import (
    BundleNotFound,
    BundleStoreUnavailable,
    FolderStore,
    InvalidBundleKey,
    bundle_key,
    hash_file,
    open_store,
)
from holdfast.settings import Settings

HASH = "ab" * 32


async def read(store: FolderStore, key: str) -> bytes:
    return b"".join([chunk async for chunk in store.get(key)])


def test_the_key_of_a_bundle_is_the_documented_one() -> None:
    assert bundle_key("t-1", "e_2", HASH.upper()) == f"tenants/t-1/extensions/e_2/sha256/{HASH}/bundle.tar.zst"
    assert bundle_key("t", "e", f"sha256:{HASH}").endswith(f"/{HASH}/bundle.tar.zst")


@pytest.mark.parametrize("part", ["", "..", "a/b", "a\\b", ".hidden", "a b", "a%2fb", "x" * 129, "é", "a\n"])
def test_an_id_that_could_lead_elsewhere_is_refused(part: str) -> None:
    with pytest.raises(InvalidBundleKey):
        bundle_key(part, "e", HASH)
    with pytest.raises(InvalidBundleKey):
        bundle_key("t", part, HASH)


@pytest.mark.parametrize("text", ["", "sha256:", "ab" * 31, "zz" * 32, "../" + "a" * 61, "md5:" + "a" * 64])
def test_a_hash_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidContentHash):
        bundle_key("t", "e", text)


async def test_what_is_put_comes_out_in_pieces(tmp_path: Path) -> None:
    store, source = FolderStore(tmp_path / "store"), tmp_path / "bundle"
    content = bytes(range(256)) * 10_000
    source.write_bytes(content)
    key = bundle_key("t", "e", hash_file(source))
    assert not await store.exists(key)
    await store.put(key, source)
    assert await store.exists(key)
    chunks = [chunk async for chunk in store.get(key)]
    assert b"".join(chunks) == content
    assert max(len(chunk) for chunk in chunks) == 1024 * 1024
    assert [path.name for path in (tmp_path / "store" / key).parent.iterdir()] == ["bundle.tar.zst"]


async def test_putting_again_replaces(tmp_path: Path) -> None:
    store, source = FolderStore(tmp_path / "store"), tmp_path / "bundle"
    for content in (b"one", b"two"):
        source.write_bytes(content)
        await store.put("a/b", source)
    assert await read(store, "a/b") == b"two"


async def test_what_is_deleted_is_gone_with_its_empty_folders(tmp_path: Path) -> None:
    store, source = FolderStore(tmp_path / "store"), tmp_path / "bundle"
    source.write_bytes(b"x")
    await store.put("a/b/one", source)
    await store.put("a/two", source)
    await store.delete("a/b/one")
    await store.delete("a/b/one")
    assert not await store.exists("a/b/one")
    assert [path.name for path in (tmp_path / "store/a").iterdir()] == ["two"]


async def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFound):
        await read(FolderStore(tmp_path), "a/b")


async def test_a_store_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BundleStoreUnavailable, match="cannot be used"):
        await FolderStore(tmp_path / "file").put("a/b", tmp_path / "file")


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/.b", "a\\b", "a/b\n"])
async def test_a_key_that_leads_out_of_the_store_is_refused(tmp_path: Path, key: str) -> None:
    store = FolderStore(tmp_path)
    with pytest.raises(InvalidBundleKey):
        await store.put(key, tmp_path / "x")
    with pytest.raises(InvalidBundleKey):
        await read(store, key)
    with pytest.raises(InvalidBundleKey):
        await store.delete(key)
    with pytest.raises(InvalidBundleKey):
        await store.exists(key)


def test_a_store_is_opened_from_a_path_or_a_file_url(tmp_path: Path) -> None:
    for location in (str(tmp_path / "a b"), f"file://{tmp_path}/a%20b"):
        store = open_store(Settings(bundle_store_base=location))
        assert isinstance(store, FolderStore)
        assert store.root == tmp_path / "a b"


@pytest.mark.parametrize("location", ["ftp://host/x", "file://otherhost/x", "file://"])
def test_a_store_of_another_kind_says_what_is_possible(location: str) -> None:
    with pytest.raises(BundleStoreUnavailable) as refused:
        open_store(Settings(bundle_store_base=location))
    assert refused.value.hint is not None and "BUNDLE_STORE_BASE" in refused.value.hint


def test_a_file_is_hashed_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    assert hash_file(tmp_path / "f") == hashlib.sha256(b"abc").hexdigest()
