"""Work for a caller that ends when the caller disconnects.

run_until_disconnect ──▶ new ──one check──▶ old ──next check──▶ watched ──disconnect──▶ task cancelled
                          └────────── the work ends ──────────────┴──▶ forgotten

A check runs every 20 ms while there is a caller. Only work that lasts for one to two checks gets a watcher of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

T = TypeVar("T")

CHECK_SECONDS = 0.02
"""How often callers are checked. Nearly all work is done before: a watcher, or only a timer, for each call would cost much of what the
call costs."""


class DisconnectWatcher:
    """Watches callers whose work takes long. Belongs to one event loop."""

    def __init__(self) -> None:
        self._new: set[_Caller] = set()
        self._old: set[_Caller] = set()
        self._checking = False

    async def run_until_disconnect(self, receive: Receive, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, which runs in this task. Raises ClientDisconnect, with `work` cancelled, when the caller disconnects first.

        The request must have been read to its end: `receive` then returns nothing but the disconnect.
        """
        caller = _Caller(receive)
        self._new.add(caller)
        if not self._checking:
            self._checking = True
            asyncio.get_running_loop().call_later(CHECK_SECONDS, self._check)
        try:
            return await work
        except asyncio.CancelledError:
            if caller.is_disconnected:
                from starlette.requests import ClientDisconnect

                caller.task.uncancel()
                raise ClientDisconnect from None
            raise
        finally:
            self._new.discard(caller)
            self._old.discard(caller)
            if caller.watcher is not None:
                caller.watcher.cancel()

    def _check(self) -> None:
        for caller in self._old:
            caller.watcher = asyncio.create_task(caller.watch())
        self._old, self._new = self._new, set()
        self._checking = bool(self._old)
        if self._checking:
            asyncio.get_running_loop().call_later(CHECK_SECONDS, self._check)


class _Caller:
    """A caller that waits, and the task that works for it."""

    __slots__ = ("_receive", "is_disconnected", "task", "watcher")

    def __init__(self, receive: Receive) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        self.is_disconnected = False
        self.watcher: asyncio.Task[None] | None = None
        self._receive = receive

    async def watch(self) -> None:
        """Cancels the task when the caller disconnects."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.is_disconnected = True
        self.task.cancel()
