"""Keys of bundles, and the store that the settings name. What every store guarantees is in `test_store_kinds`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import InvalidContentHash, hash_file
from holdfast.bundles.store.http import HttpStore
from holdfast.bundles.store.keys import InvalidBundleKey, bundle_key
from holdfast.bundles.store.open_store import open_store
from holdfast.bundles.store.s3 import S3Store
from holdfast.settings import Settings

HASH = "ab" * 32
BASE = "http://127.0.0.1:1/extensions"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("BUNDLE_STORE_BASE", "S3_ACCESS_KEY", "S3_SECRET_KEY", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "S3_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(f"RUNNER_{variable}", raising=False)


def test_the_key_of_a_bundle_is_the_documented_one() -> None:
    assert bundle_key("t-1", "e_2", HASH.upper()) == f"tenants/t-1/extensions/e_2/sha256/{HASH}/bundle.tar.zst"
    assert bundle_key("t", "e", f"sha256:{HASH}").endswith(f"/{HASH}/bundle.tar.zst")


@pytest.mark.parametrize("part", ["", "..", "a/b", "a\\b", ".hidden", "a b", "a%2fb", "x" * 129, "é", "a\n"])
def test_an_id_that_could_lead_elsewhere_is_rejected(part: str) -> None:
    with pytest.raises(InvalidBundleKey):
        bundle_key(part, "e", HASH)
    with pytest.raises(InvalidBundleKey):
        bundle_key("t", part, HASH)


@pytest.mark.parametrize("text", ["", "sha256:", "ab" * 31, "zz" * 32, "../" + "a" * 61, "md5:" + "a" * 64])
def test_an_invalid_hash_is_rejected(text: str) -> None:
    with pytest.raises(InvalidContentHash):
        bundle_key("t", "e", text)


def test_a_file_is_hashed_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    assert hash_file(tmp_path / "f") == hashlib.sha256(b"abc").hexdigest()


def test_unset_means_a_folder_in_the_data_folder(tmp_path: Path) -> None:
    store = open_store(Settings(data_dir=tmp_path))
    assert isinstance(store, FolderStore) and store.root == tmp_path / "bundles"


def test_a_folder_needs_no_credentials_and_minds_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_ACCESS_KEY", "only one")
    for location in (str(tmp_path / "a b"), f"file://{tmp_path}/a%20b"):
        store = open_store(Settings(bundle_store_base=location))
        assert isinstance(store, FolderStore) and store.root == tmp_path / "a b"


def test_an_address_without_credentials_is_a_web_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_ACCESS_KEY", "")
    monkeypatch.setenv("S3_SECRET_KEY", " \n")
    store = open_store(Settings(bundle_store_base=BASE))
    assert isinstance(store, HttpStore) and store.name == "http://127.0.0.1:1"


@pytest.mark.parametrize("prefix", ["S3", "MINIO", "RUNNER_S3"])
def test_an_address_with_credentials_is_a_bucket(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{prefix}_ACCESS_KEY", "a")
    monkeypatch.setenv(f"{prefix}_SECRET_KEY", "b")
    store = open_store(Settings(bundle_store_base=f"{BASE}/prefix"))
    assert isinstance(store, S3Store) and store.name == BASE


def test_an_s3_url_is_a_bucket_at_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b", "S3_ENDPOINT": "http://127.0.0.1:1"}.items():
        monkeypatch.setenv(name, value)
    store = open_store(Settings(bundle_store_base="s3://extensions/prefix"))
    assert isinstance(store, S3Store) and store.name == BASE


@pytest.mark.parametrize(("given", "missing"), [("S3_ACCESS_KEY", "S3_SECRET_KEY"), ("MINIO_SECRET_KEY", "S3_ACCESS_KEY")])
@pytest.mark.parametrize("base", [BASE, "s3://extensions"])
def test_half_of_the_credentials_is_rejected_and_the_missing_half_named(
    base: str, given: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(given, "hush")
    with pytest.raises(BundleStoreUnavailable, match=f"{missing} is not") as caught:
        open_store(Settings(bundle_store_base=base))
    assert f"Set {missing} (or {missing.replace('S3', 'MINIO')})" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_an_s3_url_without_credentials_is_rejected_with_a_hint() -> None:
    with pytest.raises(BundleStoreUnavailable, match="Set S3_ACCESS_KEY and S3_SECRET_KEY"):
        open_store(Settings(bundle_store_base="s3://extensions"))


@pytest.mark.parametrize("location", ["ftp://host/x", "file://otherhost/x", "file://"])
def test_an_unsupported_scheme_is_rejected_with_the_supported_ones(location: str) -> None:
    with pytest.raises(BundleStoreUnavailable, match="Set BUNDLE_STORE_BASE to a folder"):
        open_store(Settings(bundle_store_base=location))


async def test_a_folder_contains_only_what_was_put_there(tmp_path: Path) -> None:
    store, source = FolderStore(tmp_path / "store"), tmp_path / "source"
    source.write_bytes(b"x")
    await store.put("a/b/one", source)
    await store.put("a/two", source)
    assert sorted(path.name for path in (tmp_path / "store").rglob("*")) == ["a", "b", "one", "two"]
    await store.delete("a/b/one")
    assert sorted(path.name for path in (tmp_path / "store").rglob("*")) == ["a", "two"]


async def test_a_folder_that_is_a_file_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = FolderStore(tmp_path / "file")
    with pytest.raises(BundleStoreUnavailable, match="cannot be used"):
        await store.put("a/b", tmp_path / "file")
    with pytest.raises(BundleStoreUnavailable, match="Not a directory"):
        await store.check()
