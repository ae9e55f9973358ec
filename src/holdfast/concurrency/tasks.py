"""Ending tasks that do not always obey."""

from __future__ import annotations

import asyncio
from typing import Any

_PAUSE_SECONDS = 0.1


async def end_task(task: asyncio.Task[Any]) -> None:
    """Cancels a task until it has ended, however it ends. Cancelling it once is not enough: on Python 3.11, `asyncio.wait_for` loses a
    cancellation that arrives together with what it waits for.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_PAUSE_SECONDS)
    if not task.cancelled():
        task.exception()  # marks it as seen
