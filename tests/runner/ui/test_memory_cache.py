"""MemoryCache: bytes within a bound, computed once for all callers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from holdfast.runner.ui.memory_cache import MemoryCache


def computing(content: bytes, computed: list[bytes]) -> Callable[[], Coroutine[Any, Any, bytes]]:
    async def compute() -> bytes:
        computed.append(content)
        await asyncio.sleep(0)
        return content

    return compute


async def test_callers_at_the_same_time_share_one_computation() -> None:
    memory, computed = MemoryCache(), list[bytes]()
    results = await asyncio.gather(*[memory.get("a", computing(b"content", computed)) for _ in range(20)])
    assert results == [b"content"] * 20 and computed == [b"content"]
    assert memory.peek("a") == b"content"


async def test_the_entry_unused_for_longest_is_dropped_first() -> None:
    memory, computed = MemoryCache(4_000), list[bytes]()
    for name in ("a", "b", "c"):
        await memory.get(name, computing(name.encode() * 1_000, computed))
    assert memory.peek("a") is not None
    await memory.get("d", computing(b"d" * 1_000, computed))
    assert memory.size <= 4_000
    assert [name for name in ("a", "b", "c", "d") if memory.peek(name) is not None] == ["a", "c", "d"]


async def test_bytes_larger_than_the_whole_cache_are_returned_and_not_stored() -> None:
    memory, computed = MemoryCache(1_000), list[bytes]()
    assert len(await memory.get("a", computing(bytes(5_000), computed))) == 5_000
    assert memory.peek("a") is None and memory.size == 0


async def test_a_failed_computation_is_not_remembered() -> None:
    memory, computed = MemoryCache(), list[bytes]()

    async def failing() -> bytes:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        await memory.get("a", failing)
    assert await memory.get("a", computing(b"content", computed)) == b"content"


async def test_a_cancelled_caller_leaves_the_computation_to_the_others() -> None:
    memory, computed, gate = MemoryCache(), list[bytes](), asyncio.Event()

    async def waiting() -> bytes:
        computed.append(b"content")
        await gate.wait()
        return b"content"

    first = asyncio.create_task(memory.get("a", waiting))
    while not computed:
        await asyncio.sleep(0)
    second = asyncio.create_task(memory.get("a", computing(b"another", computed)))
    await asyncio.sleep(0)
    first.cancel()
    gate.set()
    assert await second == b"content" and computed == [b"content"]
    with pytest.raises(asyncio.CancelledError):
        await first
