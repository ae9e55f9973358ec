"""Work in a thread, for coroutines that must not leave it behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def run_in_thread(work: Callable[[], T], undo: Callable[[T], None] | None = None) -> T:
    """The result of `work`, or what it raises.

    A thread cannot be cancelled: when the caller is, the work is waited for and its result undone.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        # A callback: who is cancelled a second time waits no longer.
        task.add_done_callback(lambda done: _undone(done, undo))
        await asyncio.wait([task])
        raise


def _undone(task: asyncio.Future[T], undo: Callable[[T], None] | None) -> None:
    if not task.cancelled() and task.exception() is None and undo is not None:
        undo(task.result())
