"""Whole objects of a store: their hash, downloads into a file, and missing objects."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from holdfast.bundles.store.download import download_object, hash_stored_object
from holdfast.bundles.store.errors import BundleNotFound
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.keys import bundle_key

KEY = bundle_key("tenant", "extension", "ab" * 32)
CONTENT = bytes(range(256)) * 20_000  # more than one piece


async def test_an_object_is_hashed_and_brought_whole(tmp_path: Path) -> None:
    (tmp_path / "made").write_bytes(CONTENT)
    store = FolderStore(tmp_path / "store")
    await store.put(KEY, tmp_path / "made")
    expected = hashlib.sha256(CONTENT).hexdigest()
    assert await hash_stored_object(store, KEY) == expected
    assert await download_object(store, KEY, tmp_path / "brought") == expected
    assert (tmp_path / "brought").read_bytes() == CONTENT


async def test_what_is_not_there_has_no_hash_and_cannot_be_brought(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    assert await hash_stored_object(store, KEY) is None
    with pytest.raises(BundleNotFound):
        await download_object(store, KEY, tmp_path / "brought")
