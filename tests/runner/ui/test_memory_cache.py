"""Bytes that are kept in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from holdfast.runner.ui.memory_cache import KeptBytes


def making(content: bytes, made: list[bytes]) -> Callable[[], Awaitable[bytes]]:
    async def make() -> bytes:
        made.append(content)
        await asyncio.sleep(0)
        return content

    return make


async def test_many_who_ask_at_once_have_it_made_once() -> None:
    kept, made = KeptBytes(), list[bytes]()
    answers = await asyncio.gather(*[kept.get("a", making(b"content", made)) for _ in range(20)])
    assert answers == [b"content"] * 20 and made == [b"content"]
    assert kept.known("a") == b"content"


async def test_what_was_not_used_for_longest_goes_first() -> None:
    kept, made = KeptBytes(4_000), list[bytes]()
    for name in ("a", "b", "c"):
        await kept.get(name, making(name.encode() * 1_000, made))
    assert kept.known("a") is not None
    await kept.get("d", making(b"d" * 1_000, made))
    assert kept.size <= 4_000
    assert [name for name in ("a", "b", "c", "d") if kept.known(name) is not None] == ["a", "c", "d"]


async def test_what_is_larger_than_all_room_is_given_and_not_kept() -> None:
    kept, made = KeptBytes(1_000), list[bytes]()
    assert len(await kept.get("a", making(bytes(5_000), made))) == 5_000
    assert kept.known("a") is None and kept.size == 0


async def test_nothing_is_remembered_of_a_failure() -> None:
    kept, made = KeptBytes(), list[bytes]()

    async def failing() -> bytes:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        await kept.get("a", failing)
    assert await kept.get("a", making(b"content", made)) == b"content"


async def test_who_goes_away_while_it_is_made_does_not_take_it_from_the_others() -> None:
    kept, made, never = KeptBytes(), list[bytes](), asyncio.Event()

    async def stuck() -> bytes:
        made.append(b"stuck")
        await never.wait()
        return b""

    first = asyncio.create_task(kept.get("a", stuck))
    while not made:
        await asyncio.sleep(0)
    second = asyncio.create_task(kept.get("a", making(b"content", made)))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == b"content"
    with pytest.raises(asyncio.CancelledError):
        await first
