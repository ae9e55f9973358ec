"""Who may write to an SQLite file: one task of one process at a time.

    task ── waits in line ──► turn of this process ── polls ──► flock on FILE.lock ──► BEGIN IMMEDIATE
              first come,                             all Holdfast                      programs that do not
              first served                            processes                         know the lock file

SQLite's own lock makes writing safe. This lock makes waiting cheap: no one sleeps in a busy handler, and a writer that finds the lock free
acquires it without a system call that could block. The kernel releases it with the process, however that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from holdfast.records.database.errors import DatabaseError

MAX_WAIT_SECONDS = 10.0
# So many turns of the event loop before the first pause: most holders are done in a fraction of a millisecond.
_SPINS = 20
_PAUSE_SECONDS = 0.001


class WriteLock:
    """The lock of one database file (None: a database in memory, which has no other process) in this process. It is for one event loop."""

    def __init__(self, file: str | None, *, max_wait_seconds: float = MAX_WAIT_SECONDS) -> None:
        self.max_wait_seconds = max_wait_seconds
        self._path = f"{file}.lock" if file is not None else None
        self._opened: int | None = None
        self._held = False
        self._owner: asyncio.Task[object] | None = None
        self._line: deque[asyncio.Future[None]] = deque()

    def try_acquire(self) -> bool:
        """Acquires the lock if it is free at this moment. Raises DatabaseError (`database_unreachable`)."""
        if self._held or self._line or not self._try_flock():
            return False
        self._held = True
        return True

    async def acquire(self) -> None:
        """Acquires the lock. Raises DatabaseError (`database_busy`) after the longest wait, and at once when this task has it already."""
        self.check_not_nested()
        deadline = time.monotonic() + self.max_wait_seconds
        await self._wait_in_line()
        try:
            await poll(self._try_flock, deadline)
        except BaseException:
            self._next()
            raise
        self._owner = asyncio.current_task()

    def release(self) -> None:
        """Releases the lock; who waits longest is next."""
        if self._opened is not None:
            fcntl.flock(self._opened, fcntl.LOCK_UN)
        self._next()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Holds the lock during the block. Raises DatabaseError (`database_busy`)."""
        await self.acquire()
        try:
            yield
        finally:
            self.release()

    def check_not_nested(self) -> None:
        """Raises DatabaseError (`database_busy`) when the current task holds the lock: it would wait for itself."""
        if self._owner is not None and self._owner is asyncio.current_task():
            raise DatabaseError(
                "database_busy",
                "A transaction was opened inside another one of the same task; on SQLite it would wait for itself.",
                hint="This is a defect of Holdfast. Report it with the log.",
            )

    def close(self) -> None:
        """Closes the lock file."""
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None

    async def _wait_in_line(self) -> None:
        if not self._held and not self._line:
            self._held = True
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(place)
        try:
            async with asyncio.timeout(self.max_wait_seconds):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                # The turn came at the same moment.
                self._next()
            else:
                with contextlib.suppress(ValueError):
                    self._line.remove(place)
            if isinstance(error, TimeoutError):
                raise busy() from error
            raise

    def _next(self) -> None:
        self._owner = None
        while self._line:
            place = self._line.popleft()
            if not place.done():
                # The turn passes on: `_held` stays true, so that no one overtakes.
                place.set_result(None)
                return
        self._held = False

    def _try_flock(self) -> bool:
        if self._path is None:
            return True
        try:
            if self._opened is None:
                self._opened = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            fcntl.flock(self._opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise DatabaseError(
                "database_unreachable",
                f"The lock of the database cannot be used: {error.strerror}.",
                hint="Check the folder of the database and its permissions.",
            ) from error
        return True


async def poll(attempt: Callable[[], bool], deadline: float) -> None:
    """Calls `attempt` until it returns true, with short pauses that leave the event loop free.

    Raises DatabaseError (`database_busy`) when `deadline`, a time of the monotonic clock, has passed; and what `attempt` raises.
    """
    spins = 0
    while not attempt():
        if time.monotonic() > deadline:
            raise busy()
        spins += 1
        await asyncio.sleep(0 if spins <= _SPINS else _PAUSE_SECONDS)


def busy() -> DatabaseError:
    """The error of a writer that waited too long."""
    return DatabaseError("database_busy", "Another program is writing to the database and does not finish.", hint="Try again in a moment.")
