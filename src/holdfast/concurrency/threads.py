"""Work in a thread, for coroutines that must not leave it running when they are cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def run_in_thread(work: Callable[[], T], undo: Callable[[T], None] | None = None) -> T:
    """Runs `work` in a thread; returns its result or raises its error.

    A thread cannot be cancelled. When the caller is cancelled, this waits until `work` ends and then calls `undo` with its result.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        # As a callback: a caller that is cancelled a second time stops waiting, and the result must still be undone.
        task.add_done_callback(lambda done: _undo(done, undo))
        await asyncio.wait([task])
        raise


def _undo(task: asyncio.Future[T], undo: Callable[[T], None] | None) -> None:
    if not task.cancelled() and task.exception() is None and undo is not None:
        undo(task.result())
