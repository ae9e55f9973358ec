"""Peeking at the cache: bundles that were acquired before and are unchanged, without holding them."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.bundles.cache import bundle_cache, entries
from tests.bundles.archives import bundle
from tests.bundles.cache.test_trusted_cache import TrustedEnvironment
from tests.bundles.object_stores import CacheEnvironment
from tests.bundles.signers import rejected


async def test_peek_returns_a_bundle_from_its_first_use_until_it_is_removed_or_replaced(tmp_path: Path) -> None:
    environment = CacheEnvironment(tmp_path)
    digest = await environment.put(bundle(tmp_path / "b.tar.zst"))
    assert environment.cache.peek("t", "e", digest) is None
    taken = await environment.cache.ensure("t", "e", digest)
    assert environment.cache.peek("t", "e", digest) is taken
    # Moved in one step: the evictor, which may run now, removes an entry that is half deleted.
    (tmp_path / "cache" / digest).rename(tmp_path / "removed")
    assert environment.cache.peek("t", "e", digest) is None
    await environment.open_another(1 << 30).ensure("t", "e", digest)
    assert environment.cache.peek("t", "e", digest) is None  # another process put another one there
    assert await environment.cache.ensure("t", "e", digest) is environment.cache.peek("t", "e", digest)


async def test_peek_does_not_prevent_eviction(tmp_path: Path) -> None:
    environment = CacheEnvironment(tmp_path)
    digest = await environment.put(bundle(tmp_path / "b.tar.zst"))
    await environment.cache.ensure("t", "e", digest)
    assert environment.cache.peek("t", "e", digest)
    trash = tmp_path / "trash"
    trash.mkdir()
    assert entries.remove_entry(tmp_path / "cache" / digest, trash)


async def test_peek_returns_none_when_the_time_of_use_must_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = CacheEnvironment(tmp_path)
    digest = await environment.put(bundle(tmp_path / "b.tar.zst"))
    await environment.cache.ensure("t", "e", digest)
    monkeypatch.setattr(entries, "_TOUCH_SECONDS", -1)
    assert environment.cache.peek("t", "e", digest) is None


async def test_the_oldest_entries_are_forgotten_when_all_known_ones_have_too_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = CacheEnvironment(tmp_path)
    digests = []
    for number in range(3):
        pages = {f"ui/{name}.html": b"%d" % number for name in range(4)}
        digests.append(await environment.put(bundle(tmp_path / f"{number}.tar.zst", pages)))
    monkeypatch.setattr(bundle_cache, "_MAX_KNOWN_FILES", 2 * (bundle_cache._ENTRY_AS_FILES + 5))
    for digest in digests:
        await environment.cache.ensure("t", "e", digest)
    assert [bool(environment.cache.peek("t", "e", digest)) for digest in digests] == [False, True, True]
    monkeypatch.setattr(bundle_cache, "_MAX_KNOWN_FILES", 1)
    await environment.cache.ensure("t", "e", digests[0])
    assert [bool(environment.cache.peek("t", "e", digest)) for digest in digests] == [True, False, False]


async def test_peek_follows_the_current_trusted_keys(tmp_path: Path) -> None:
    environment = TrustedEnvironment(tmp_path, required=True)
    digest = await environment.put_signed()
    await environment.bundles.ensure("t", "e", digest)
    assert environment.bundles.peek("t", "e", digest)
    assert environment.bundles.peek("another", "e", digest)  # signed for everybody
    environment.signers.revoke()
    assert environment.bundles.peek("t", "e", digest) is None
    environment.signers.store.path.write_text("no JSON")
    with rejected("signature_unverifiable"):
        environment.bundles.peek("t", "e", digest)


async def test_peek_returns_an_unsigned_bundle_only_where_it_was_evaluated(tmp_path: Path) -> None:
    environment = TrustedEnvironment(tmp_path, required=False)
    digest = await environment.put(environment.build_bundle())
    await environment.bundles.ensure("t", "e", digest)
    assert environment.bundles.peek("t", "e", digest)
    assert environment.bundles.peek("another", "e", digest) is None
