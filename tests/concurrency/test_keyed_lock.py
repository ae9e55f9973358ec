"""KeyedLock: holders of one key run one after the other; holders of other keys do not wait."""

from __future__ import annotations

import asyncio

from holdfast.concurrency.keyed_lock import KeyedLock


async def test_holders_of_one_key_follow_each_other_in_order() -> None:
    locks, order = KeyedLock[str](), list[str]()

    async def hold(name: str) -> None:
        async with locks.hold("a"):
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    await asyncio.gather(hold("1"), hold("2"), hold("3"))
    assert order == ["1 in", "1 out", "2 in", "2 out", "3 in", "3 out"]


async def test_holders_of_different_keys_do_not_wait_for_each_other() -> None:
    locks = KeyedLock[str]()
    async with locks.hold("a"), locks.hold("b"):
        assert len(locks) == 2


async def test_a_lock_is_removed_after_its_last_user_even_a_cancelled_one() -> None:
    locks = KeyedLock[str]()

    async def hold() -> None:
        async with locks.hold("a"):
            raise AssertionError("another task holds it")

    async with locks.hold("a"):
        waiting = asyncio.create_task(hold())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert len(locks) == 0
