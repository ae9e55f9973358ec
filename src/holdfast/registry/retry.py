"""Optimistic concurrency: read, prepare, write if nothing changed in between, else start again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from holdfast.registry.errors import Moved, changed_meanwhile

T = TypeVar("T")

_MAX_ATTEMPTS = 5


async def retry_when_moved(attempt: Callable[[], Awaitable[T]], *, name: str) -> T:
    """Runs `attempt`, again each time it raises Moved, five times at most. Returns its result.

    Raises what `attempt` raises; RegistryError (`changed_meanwhile`), with the `name` of the extension, when every attempt raised Moved.
    """
    for _ in range(_MAX_ATTEMPTS):
        try:
            return await attempt()
        except Moved as moved:
            last = moved
    raise changed_meanwhile(name) from last
