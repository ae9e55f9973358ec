"""What a caller waits for runs only as long as the caller is there."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

T = TypeVar("T")

LOOK_SECONDS = 0.02
"""Work that lasts for one to two times this long has somebody who looks after its caller. Nearly all is done before, and a watch for each
call, or only a timer for each, would cost much of what a call costs."""


class Callers:
    """Looks after those who wait. Belongs to one event loop."""

    def __init__(self) -> None:
        self._young: set[_Caller] = set()
        self._old: set[_Caller] = set()
        self._looking = False

    async def unless_gone(self, receive: Receive, work: Coroutine[Any, Any, T]) -> T:
        """What `work` gives, in this task. Raises ClientDisconnect, with `work` cancelled, when the caller goes away before.

        The request must have been read to its end.
        """
        caller = _Caller(receive)
        self._young.add(caller)
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)
        try:
            return await work
        except asyncio.CancelledError:
            if caller.has_gone:
                caller.task.uncancel()
                raise ClientDisconnect from None
            raise
        finally:
            self._young.discard(caller)
            self._old.discard(caller)
            if caller.watching is not None:
                caller.watching.cancel()

    def _look(self) -> None:
        for caller in self._old:
            caller.watching = asyncio.create_task(caller.watch())
        self._old, self._young = self._young, set()
        self._looking = bool(self._old)
        if self._looking:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)


class _Caller:
    """One that waits, and the task that works for it."""

    __slots__ = ("_receive", "has_gone", "task", "watching")

    def __init__(self, receive: Receive) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        self.has_gone = False
        self.watching: asyncio.Task[None] | None = None
        self._receive = receive

    async def watch(self) -> None:
        """Cancels the task when the caller goes away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_gone = True
        self.task.cancel()
