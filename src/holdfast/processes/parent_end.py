"""How a child notices that its parent has ended: the pipe from which it reads, and which only its parent holds open, is at its end."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def when_parent_ends(pipe: int | None, stop: Callable[[], None]) -> Iterator[None]:
    """Calls `stop` once when the other end of the pipe is closed, which the kernel does for any end of the parent. None: never."""
    if pipe is None:
        yield
        return
    loop = asyncio.get_running_loop()

    def readable() -> None:
        if not os.read(pipe, 1_024):
            loop.remove_reader(pipe)
            stop()

    loop.add_reader(pipe, readable)
    try:
        yield
    finally:
        loop.remove_reader(pipe)


def has_parent_ended(pipe: int | None) -> bool:
    """Whether the other end of the pipe is closed. Without a pipe there is no parent that could end."""
    # Nothing is ever written to it, so it is readable only at its end.
    return pipe is not None and bool(select.select([pipe], [], [], 0)[0])
