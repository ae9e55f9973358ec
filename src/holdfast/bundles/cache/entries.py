"""The entries of the cache, one folder for each bundle: held by those who use them, put in place and taken away in one step.

Two locks, both of them free again when their process dies. The marker of an entry: shared by every process that uses the entry, and had
alone by one that takes it away. The cache's folder: had alone for the few system calls in which names in it change.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.cache.unpacked import INDEX, READY, UnpackedBundle, open_unpacked

_TOUCH_SECONDS = 10
"""How often a use is written down on disk, for those who look for what was not used for longest."""

_Identity = tuple[int, int, int]


class Entry:
    """A verified bundle in the cache. Between `take` and `give` no process removes it. For one thread at a time."""

    __slots__ = ("_descriptor", "_identity", "_index", "_marker", "_touched", "_uses", "bundle")

    def __init__(self, bundle: UnpackedBundle, folder: Path, identity: _Identity, descriptor: int) -> None:
        """Taken once already: `descriptor` holds the shared lock of the entry's marker."""
        self.bundle = bundle
        self._marker = str(folder / READY)
        self._index = str(folder / INDEX)
        self._identity = identity
        self._descriptor = descriptor
        self._uses = 1
        self._touched = 0.0
        self._touch()

    def take(self) -> bool:
        """One more user. False when the entry is not there any more; then it is to be forgotten.

        This is on the way of every call: it costs four system calls when nobody else uses the entry, else one.
        """
        first = self._uses == 0
        if first:
            descriptor = _lock(self._marker, fcntl.LOCK_SH)
            if descriptor is None:
                return False
            self._descriptor = descriptor
        if _identity(self._descriptor) != self._identity:
            if first:
                os.close(self._descriptor)
            return False
        self._uses += 1
        if time.monotonic() - self._touched > _TOUCH_SECONDS:
            self._touch()
        return True

    def is_current(self) -> bool:
        """Whether it is still there, without taking it. False also when its use is to be written down, which `take` does.

        On the way of every call too: one system call, and nothing is held.
        """
        if time.monotonic() - self._touched > _TOUCH_SECONDS:
            return False
        try:
            status = os.stat(self._marker)  # noqa: PTH116 - a path object would cost as much again
        except OSError:
            return False
        return (status.st_dev, status.st_ino, status.st_mtime_ns) == self._identity

    def share(self) -> None:
        """One more user, by somebody who has taken it already."""
        self._uses += 1

    def give(self) -> None:
        """One user less."""
        self._uses -= 1
        if self._uses == 0:
            os.close(self._descriptor)

    def _touch(self) -> None:
        self._touched = time.monotonic()
        # Not the marker: its time is part of its identity. A cache that can only be read still serves.
        with suppress(OSError):
            os.utime(self._index)


def open_entry(folder: Path) -> Entry | None:
    """The entry in `folder`, taken once, after comparing all of it; None when it is not there or was changed."""
    return _verified(folder, _lock(folder / READY, fcntl.LOCK_SH))


def put_in_place(made: Path, folder: Path) -> Entry:
    """Gives the complete folder `made` its name in the cache, or finds that another process was first; the entry, taken once.

    What stands there and is damaged is moved beside `made`. Raises ExtractFailed when the disk does not give back what was written.
    """
    while True:
        there = _present(folder)
        if there is not None and (entry := open_entry(folder)) is not None:
            return entry
        with _names_locked(folder.parent):
            if _present(folder) != there:
                continue  # another process put something there since it was looked at
            # Also from under the feet of those who use it: they get an error, where they would have got wrong bytes.
            _move(folder, made.parent)
            made.rename(folder)
            descriptor = _lock(folder / READY, fcntl.LOCK_SH)
        entry = _verified(folder, descriptor)
        if entry is None:
            take_away(folder, made.parent)
            raise ExtractFailed("The unpacked bundle is not what was written; the disk may be failing.")
        return entry


def take_away(folder: Path, scrap: Path) -> bool:
    """Moves an entry into the folder `scrap`, where nobody looks for it. False when it is in use; True also when there is none.

    Raises OSError when it cannot be moved.
    """
    with _names_locked(folder.parent):
        descriptor = _lock(folder / READY, fcntl.LOCK_EX)
        try:
            # Without a marker nobody can have the entry; with one, only whoever has its lock.
            if descriptor is None and (folder / READY).exists():
                return False
            _move(folder, scrap)
            return True
        finally:
            if descriptor is not None:
                os.close(descriptor)


def last_use(folder: Path) -> float:
    """When an entry was last used, in seconds since 1970; 0 when nobody can tell."""
    try:
        return (folder / INDEX).stat().st_mtime
    except OSError:
        return 0


def _move(folder: Path, scrap: Path) -> None:
    """The marker goes first: whoever has opened it and gets its lock only now sees by its links that the entry is gone.

    Killed in between, it is an entry without marker, which nobody uses and which is replaced or removed.
    """
    with suppress(FileNotFoundError, NotADirectoryError):
        (folder / READY).unlink()
    with suppress(FileNotFoundError):
        folder.rename(scrap / f"{folder.name}-{secrets.token_hex(4)}")


def _verified(folder: Path, descriptor: int | None) -> Entry | None:
    """Closes `descriptor` unless it becomes the entry's."""
    if descriptor is None:
        return None
    kept = False
    try:
        identity = _identity(descriptor)
        # A marker with a lock on it that is still linked is the one in `folder`: nothing else goes by its name until it is unlinked.
        bundle = None if identity is None else open_unpacked(folder)
        if identity is None or bundle is None:
            return None
        kept = True
        return Entry(bundle, folder, identity, descriptor)
    finally:
        if not kept:
            os.close(descriptor)


def _lock(marker: Path | str, kind: int) -> int | None:
    """An open descriptor with the lock of a marker; None when there is no marker, or another process is in the way."""
    try:
        descriptor = os.open(marker, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _identity(marker: int) -> _Identity | None:
    """Device, inode and time of an open marker, None when it was removed. The time, because inodes are used again."""
    status = os.fstat(marker)
    return (status.st_dev, status.st_ino, status.st_mtime_ns) if status.st_nlink else None


def _present(folder: Path) -> _Identity | None:
    """The identity of the marker that is in `folder` now."""
    try:
        status = (folder / READY).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns


@contextmanager
def _names_locked(root: Path) -> Iterator[None]:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
