"""The cache of snapshots is bounded by number and by size; what was unused for longest goes first."""

from __future__ import annotations

from holdfast.gateway.snapshots.cache import Snapshot, SnapshotCache


def cache_of(*names: str, max_entries: int = 100, max_bytes: int = 1_000) -> SnapshotCache[str, str]:
    cache: SnapshotCache[str, str] = SnapshotCache(max_entries=max_entries, max_bytes=max_bytes)
    for name in names:
        cache.put(name, Snapshot(name, 1), 10)
    return cache


def left_in(cache: SnapshotCache[str, str]) -> list[str]:
    return [name for name in "abcdef" if cache.get(name) is not None]


def test_what_was_used_last_stays() -> None:
    cache = cache_of("a", "b", "c", max_entries=3)
    assert cache.get("a") == Snapshot("a", 1)
    cache.put("d", Snapshot("d", 1), 10)
    assert left_in(cache) == ["a", "c", "d"]


def test_the_size_is_bounded() -> None:
    cache = cache_of("a", "b", "c", max_bytes=30)
    cache.put("d", Snapshot("d", 1), 15)
    assert left_in(cache) == ["c", "d"] and cache.bytes == 25
    cache.put("e", Snapshot("e", 1), 31)
    assert left_in(cache) == ["c", "d"]


def test_an_entry_that_is_stored_again_counts_once() -> None:
    cache = cache_of("a", "b")
    cache.put("a", Snapshot("new", 2), 25)
    assert (len(cache), cache.bytes) == (2, 35)
    cache.drop("a")
    cache.drop("a")
    assert (len(cache), cache.bytes, cache.get("a")) == (1, 10, None)
    cache.put("b", Snapshot("b", 2), 5_000)
    assert (len(cache), cache.bytes) == (0, 0)
