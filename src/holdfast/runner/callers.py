"""What a caller waits for runs only as long as the caller is there."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

T = TypeVar("T")

WATCH_AFTER_SECONDS = 0.02
"""Work that is done by then, as nearly all is, needs nobody who looks after its caller: that would cost as much as the rest of a call."""


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives, in this task. Raises ClientDisconnect, with `work` cancelled, when the caller goes away before.

    The request must have been read to its end.
    """
    watch = _Watch(receive)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.cancelled_it():
            raise ClientDisconnect from None
        raise
    finally:
        watch.end()


class _Watch:
    """Looks, after a while, whether the caller goes away, and then cancels the task that it was made in."""

    __slots__ = ("_gone", "_receive", "_task", "_timer", "_watching")

    def __init__(self, receive: Receive) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task = task
        self._receive = receive
        self._gone = False
        self._watching: asyncio.Task[None] | None = None
        self._timer = loop.call_later(WATCH_AFTER_SECONDS, self._begin)

    def cancelled_it(self) -> bool:
        """Whether a cancellation came from here; then it counts as dealt with."""
        if self._gone:
            self._task.uncancel()
        return self._gone

    def end(self) -> None:
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()

    def _begin(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._task.cancel()
