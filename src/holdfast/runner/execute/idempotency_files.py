"""Responses to idempotency keys that the workers of one runner share: no worker repeats a call that another one has run.

One file per scope. Its lock is the kernel's (flock), so it ends with the process that holds it:

    open file ──try lock──▶ locked ──still the file at this path?──yes──▶ read ──▶ fresh response: repeat it
        ▲          │ busy: wait, retry        │ no: a sweep removed it        └──▶ none: run the call, write the response
        └──────────┴───────────────────────────┘                                         │
                                                    close the file, which unlocks it ◀───┘

    killed while it writes:  the content is not a readable response, so it is ignored
    sweep:                   removes a file only with its lock held, so never one that a call holds
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from holdfast.contract.execute import Envelope

_FIRST_PAUSE_SECONDS = 0.001
_MAX_PAUSE_SECONDS = 0.02
_SWEEP_SECONDS = 10.0


class _Stored(Struct, frozen=True):
    until: float
    envelope: Envelope


class Slot:
    """The file of one scope, locked by this process. `envelope` is the response stored in it, or None."""

    def __init__(self, descriptor: int, envelope: Envelope | None, until: float) -> None:
        self.envelope = envelope
        self._descriptor = descriptor
        self._until = until

    def store(self, envelope: Envelope) -> int:
        """Stores a response and returns its size in bytes. Raises OSError when the disk is full.

        A process that is killed while it writes leaves unreadable content, which is ignored.
        """
        content = msgspec.msgpack.encode(_Stored(self._until, envelope))
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, content, 0)
        return len(content)


class SharedResponses:
    """One file per scope, in a folder that only this user can read."""

    def __init__(self, folder: Path, *, seconds: float, max_bytes: int, now: Callable[[], float] = time.time) -> None:
        """`folder` is created when it is missing; `now` is seconds since the epoch: the clock that processes share."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._now = now
        self._swept = now()
        self._written = 0

    @asynccontextmanager
    async def hold(self, scope: bytes) -> AsyncIterator[Slot]:
        """The locked file of `scope`. Others that need it, in this process or another, wait until the block ends. Raises OSError."""
        path = self._folder / scope.hex()
        descriptor = await self._lock(path)
        try:
            now = self._now()
            slot = Slot(descriptor, _fresh(descriptor, now), now + self._seconds)
            yield slot
        finally:
            os.close(descriptor)

    def record_size(self, size: int) -> None:
        """Counts `size` stored bytes; now and then, removes files that are expired or too many."""
        self._written += size
        if self._written * 8 < self._max_bytes and self._now() - self._swept < _SWEEP_SECONDS:
            return
        self._written, self._swept = 0, self._now()
        self._sweep()

    async def _lock(self, path: Path) -> int:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # A sweep may have removed the file between the two lines above: then other processes would lock a new one.
                if _is_at(descriptor, path):
                    return descriptor
            except BlockingIOError:
                pass
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _MAX_PAUSE_SECONDS)

    def _sweep(self) -> None:
        """Removes expired files, then the oldest until the rest fits; a locked one stays."""
        found: list[tuple[float, int, str]] = []
        for entry in os.scandir(self._folder):
            with suppress(FileNotFoundError):
                stat = entry.stat()
                found.append((stat.st_mtime, stat.st_size, entry.path))
        size = sum(length for _, length, _ in found)
        for changed, length, path in sorted(found):
            if size <= self._max_bytes and changed + self._seconds > self._now():
                return
            if _remove(path):
                size -= length


def _fresh(descriptor: int, now: float) -> Envelope | None:
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    try:
        stored = msgspec.msgpack.decode(content, type=_Stored)
    except msgspec.MsgspecError:
        return None
    return stored.envelope if stored.until > now else None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _remove(path: str) -> bool:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            Path(path).unlink()
            return True
        finally:
            os.close(descriptor)
    return False
