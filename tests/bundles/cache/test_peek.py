"""A peek at the cache: what was taken before and is as it was, without keeping it there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from holdfast.bundles.cache import entries
from tests.bundles.archives import bundle
from tests.bundles.cache.test_trusted_cache import Shelf
from tests.bundles.object_stores import Cupboard
from tests.bundles.signers import rejected


async def test_a_bundle_is_seen_from_its_first_use_until_it_is_removed_or_replaced(tmp_path: Path) -> None:
    cupboard = Cupboard(tmp_path)
    digest = await cupboard.put(bundle(tmp_path / "b.tar.zst"))
    assert cupboard.cache.peek("t", "e", digest) is None
    taken = await cupboard.cache.ensure("t", "e", digest)
    assert cupboard.cache.peek("t", "e", digest) is taken
    shutil.rmtree(tmp_path / "cache" / digest)
    assert cupboard.cache.peek("t", "e", digest) is None
    await cupboard.another(1 << 30).ensure("t", "e", digest)
    assert cupboard.cache.peek("t", "e", digest) is None  # another process put another one there
    assert await cupboard.cache.ensure("t", "e", digest) is cupboard.cache.peek("t", "e", digest)


async def test_a_glance_keeps_nothing_on_disk(tmp_path: Path) -> None:
    cupboard = Cupboard(tmp_path)
    digest = await cupboard.put(bundle(tmp_path / "b.tar.zst"))
    await cupboard.cache.ensure("t", "e", digest)
    assert cupboard.cache.peek("t", "e", digest)
    scrap = tmp_path / "scrap"
    scrap.mkdir()
    assert entries.remove_entry(tmp_path / "cache" / digest, scrap)


async def test_a_use_that_is_to_be_written_down_is_none_for_a_glance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cupboard = Cupboard(tmp_path)
    digest = await cupboard.put(bundle(tmp_path / "b.tar.zst"))
    await cupboard.cache.ensure("t", "e", digest)
    monkeypatch.setattr(entries, "_TOUCH_SECONDS", -1)
    assert cupboard.cache.peek("t", "e", digest) is None


async def test_a_glance_sees_what_the_keys_of_now_allow(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, required=True)
    digest = await shelf.put_signed()
    await shelf.bundles.ensure("t", "e", digest)
    assert shelf.bundles.peek("t", "e", digest)
    assert shelf.bundles.peek("another", "e", digest)  # signed for everybody
    shelf.signers.revoke()
    assert shelf.bundles.peek("t", "e", digest) is None
    shelf.signers.store.path.write_text("no JSON")
    with rejected("signature_unverifiable"):
        shelf.bundles.peek("t", "e", digest)


async def test_an_unsigned_bundle_is_seen_by_those_for_whom_it_was_judged(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, required=False)
    digest = await shelf.put(shelf.made())
    await shelf.bundles.ensure("t", "e", digest)
    assert shelf.bundles.peek("t", "e", digest)
    assert shelf.bundles.peek("another", "e", digest) is None
