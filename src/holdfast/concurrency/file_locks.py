"""A lock on a file, over all processes, that does not stop the event loop.

acquire ── free ──▶ held ──▶ block ends, or the process dies: the kernel releases it
   └── another process holds it: asks again every PAUSE_SECONDS; can be cancelled
"""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

PAUSE_SECONDS = 0.1


@asynccontextmanager
async def file_locked(path: Path) -> AsyncIterator[None]:
    """Holds the exclusive lock of the file `path`, which is created if it is absent. Raises OSError."""
    with path.open("w") as lock:
        # Polled: a blocking flock would stop the event loop, and in a thread it could not be cancelled.
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(PAUSE_SECONDS)
        yield
