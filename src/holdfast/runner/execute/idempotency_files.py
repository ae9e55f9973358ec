"""Answers to idempotency keys that the workers of one runner share: a call that one of them has answered is not run by another."""

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

ANSWERS = "answers"
"""Their folder, within the one that the workers of a runner share."""

_FIRST_PAUSE_SECONDS = 0.001
_LONGEST_PAUSE_SECONDS = 0.02
_SWEEP_SECONDS = 10.0


class _Kept(Struct, frozen=True):
    until: float
    envelope: Envelope


class Slot:
    """The place of one scope, held by this process alone. `envelope` is the answer that stands there, None when there is none."""

    def __init__(self, descriptor: int, envelope: Envelope | None, until: float) -> None:
        self.envelope = envelope
        self._descriptor = descriptor
        self._until = until

    def keep(self, envelope: Envelope) -> int:
        """Puts an answer there; the bytes that it takes. A process that is killed meanwhile leaves what cannot be read, and so counts as
        none. Raises OSError when the disk is full."""
        content = msgspec.msgpack.encode(_Kept(self._until, envelope))
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, content, 0)
        return len(content)


class SharedAnswers:
    """One file a scope, in a folder that nobody else may read. The kernel's file locks make others wait, and end with their holder."""

    def __init__(self, folder: Path, *, seconds: float, max_bytes: int, now: Callable[[], float] = time.time) -> None:
        """`folder` is made when it is missing; `now` is seconds since the epoch: the clock that processes have in common."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._now = now
        self._swept = now()
        self._written = 0

    @asynccontextmanager
    async def hold(self, scope: bytes) -> AsyncIterator[Slot]:
        """The place of `scope`; whoever else wants it, in this process or another, waits until the block ends. Raises OSError."""
        path = self._folder / scope.hex()
        descriptor = await self._locked(path)
        try:
            now = self._now()
            slot = Slot(descriptor, _fresh(descriptor, now), now + self._seconds)
            yield slot
        finally:
            os.close(descriptor)

    def account(self, size: int) -> None:
        """Told how much was kept, removes what is over or too much, now and then."""
        self._written += size
        if self._written * 8 < self._max_bytes and self._now() - self._swept < _SWEEP_SECONDS:
            return
        self._written, self._swept = 0, self._now()
        self._sweep()

    async def _locked(self, path: Path) -> int:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Who sweeps may have removed the file between the two lines above: then it is nobody's place.
                if _same(descriptor, path):
                    return descriptor
            except BlockingIOError:
                pass
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _sweep(self) -> None:
        """Removes files whose time is over, then the oldest until the rest fits; one that somebody holds stays."""
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
        kept = msgspec.msgpack.decode(content, type=_Kept)
    except msgspec.MsgspecError:
        return None
    return kept.envelope if kept.until > now else None


def _same(descriptor: int, path: Path) -> bool:
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
