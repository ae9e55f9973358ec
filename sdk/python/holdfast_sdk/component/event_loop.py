"""Runs coroutines to completion: an asyncio event loop without sockets and threads, which a component does not have."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any


class _Timers:
    """Takes the place of a selector: there is nothing to wait for but the next timer."""

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise RuntimeError(
                "The handler awaits something that nothing can finish: a component has no threads and no sockets, and no timer is set."
            )
        if timeout > 0:
            time.sleep(timeout)
        return []

    def close(self) -> None:
        pass


class EventLoop(asyncio.BaseEventLoop):
    """Timers, tasks and futures work; `run_in_executor` and `asyncio.to_thread` run the function at once, in the only thread there is."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Timers()

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def add_signal_handler(self, *_: Any) -> None:
        raise NotImplementedError("A component gets no signals")


class _Policy(asyncio.events._AbstractEventLoopPolicy):  # type: ignore[name-defined,misc]
    """Gives this loop to code that calls `asyncio.run` itself."""

    _loop: EventLoop | None = None

    def get_event_loop(self) -> EventLoop:
        if self._loop is None:
            raise RuntimeError("There is no current event loop")
        return self._loop

    def set_event_loop(self, loop: EventLoop | None) -> None:
        self._loop = loop

    def new_event_loop(self) -> EventLoop:
        return EventLoop()


def install() -> None:
    """Makes EventLoop the loop of `asyncio.run` and `asyncio.Runner`."""
    asyncio.events._set_event_loop_policy(_Policy())  # type: ignore[attr-defined]


def run(awaitable: Awaitable[Any]) -> Any:
    """The result of the awaitable. Tasks that still run when it ends are cancelled. Raises what it raises, RuntimeError for a deadlock."""

    async def main() -> Any:
        return await awaitable

    return asyncio.run(main())
