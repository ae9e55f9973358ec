"""How long tests wait. No test depends on the speed of the machine: it polls a condition, and only a defect reaches the limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

MAX_WAIT_SECONDS = 300.0
"""The limit of every wait. On an idle machine all of them end in well under ten seconds; a busy one can take twenty times as long."""

_PAUSE_SECONDS = 0.01


def wait_until(condition: Callable[[], object], failure: Callable[[], object] = lambda: "the condition stayed false") -> None:
    """Polls until `condition` is true. `failure` describes what was seen instead; it is called when the limit is reached."""
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, failure()
        time.sleep(_PAUSE_SECONDS)


async def until(condition: Callable[[], object], failure: Callable[[], object] = lambda: "the condition stayed false") -> None:
    """The same in an event loop, which runs on between two polls."""
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, failure()
        await asyncio.sleep(_PAUSE_SECONDS)
