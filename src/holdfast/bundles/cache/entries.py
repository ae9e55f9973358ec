"""The entries of the bundle cache, one folder per bundle: acquired by users, published and removed in one step.

    (no folder) ──publish_entry──▶ available ──acquire──▶ in use ──last release──▶ available
         ▲                             │                    │
         │                             │                    └── process killed: the kernel releases its lock
         └────────remove_entry─────────┘

Two locks, both `flock`, both released by the kernel when their process dies:

    marker of an entry   shared: by each process that uses the entry      exclusive: by the process that removes it
    cache folder         -                                                exclusive: for the few system calls that change names in it
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
"""How often the time of the last use is written to disk, where eviction reads it."""

_Identity = tuple[int, int, int]


class Entry:
    """A verified bundle in the cache. Between `acquire` and `release`, no process removes it. For one thread at a time."""

    __slots__ = ("_descriptor", "_identity", "_index", "_marker", "_touched", "_uses", "bundle")

    def __init__(self, bundle: UnpackedBundle, folder: Path, identity: _Identity, descriptor: int) -> None:
        """The new entry is acquired once: `descriptor` holds the shared lock of its marker."""
        self.bundle = bundle
        self._marker = str(folder / READY)
        self._index = str(folder / INDEX)
        self._identity = identity
        self._descriptor = descriptor
        self._uses = 1
        self._touched = 0.0
        self._touch()

    def acquire(self) -> bool:
        """Adds a user. Returns False when the entry was removed; then the caller must forget this object.

        Every call runs this: it costs four system calls for the first user, one for each further user.
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
        """Whether the entry is still on disk, without acquiring it. Also False when the time of its use must be written by `acquire`.

        Calls run this too: it costs one system call and holds nothing.
        """
        if time.monotonic() - self._touched > _TOUCH_SECONDS:
            return False
        try:
            status = os.stat(self._marker)  # noqa: PTH116 - a path object would cost as much again
        except OSError:
            return False
        return (status.st_dev, status.st_ino, status.st_mtime_ns) == self._identity

    def share(self) -> None:
        """Adds a user to an entry that is acquired already."""
        self._uses += 1

    def release(self) -> None:
        """Removes a user. The last one releases the lock."""
        self._uses -= 1
        if self._uses == 0:
            os.close(self._descriptor)

    def _touch(self) -> None:
        self._touched = time.monotonic()
        # On the index and not on the marker, whose time is part of its identity. A cache on a read-only disk still works.
        with suppress(OSError):
            os.utime(self._index)


def open_entry(folder: Path) -> Entry | None:
    """The entry in `folder`, acquired, after comparing every file with its hash; None when it is missing or was changed."""
    return _verified(folder, _lock(folder / READY, fcntl.LOCK_SH))


def publish_entry(unpacked: Path, folder: Path) -> Entry:
    """Renames the complete folder `unpacked` to `folder`, unless another process was faster. Returns the entry, acquired.

    A damaged entry in `folder` is moved next to `unpacked`. Raises ExtractFailed when the disk does not return the bytes that were written.
    """
    while True:
        found = _present(folder)
        if found is not None and (entry := open_entry(folder)) is not None:
            return entry
        with _lock_names(folder.parent):
            if _present(folder) != found:
                continue  # another process published an entry after `_present` above
            # This also removes a damaged entry that others use: they then get an error instead of wrong bytes.
            _move(folder, unpacked.parent)
            unpacked.rename(folder)
            descriptor = _lock(folder / READY, fcntl.LOCK_SH)
        entry = _verified(folder, descriptor)
        if entry is None:
            remove_entry(folder, unpacked.parent)
            raise ExtractFailed("disk_changed", "The unpacked files differ from the bundle; the disk of EXT_CACHE_ROOT may be failing.")
        return entry


def remove_entry(folder: Path, trash: Path) -> bool:
    """Moves an entry into the folder `trash`. Returns False when the entry is in use, True otherwise, also when there is none.

    Raises OSError when it cannot be moved.
    """
    with _lock_names(folder.parent):
        descriptor = _lock(folder / READY, fcntl.LOCK_EX)
        try:
            # An entry without a marker cannot be in use. An entry with one is ours only if we hold its lock.
            if descriptor is None and (folder / READY).exists():
                return False
            _move(folder, trash)
            return True
        finally:
            if descriptor is not None:
                os.close(descriptor)


def last_used_at(folder: Path) -> float:
    """When an entry was last used, in seconds since 1970; 0 when this is unknown."""
    try:
        return (folder / INDEX).stat().st_mtime
    except OSError:
        return 0


def _move(folder: Path, trash: Path) -> None:
    """Removes the marker first: a process that has opened it and locks it only now sees from its link count that the entry is gone.

    A crash in between leaves an entry without a marker, which no process uses and which is replaced or evicted later.
    """
    with suppress(FileNotFoundError, NotADirectoryError):
        (folder / READY).unlink()
    with suppress(FileNotFoundError):
        folder.rename(trash / f"{folder.name}-{secrets.token_hex(4)}")


def _verified(folder: Path, descriptor: int | None) -> Entry | None:
    """The entry, when every file matches its hash. Closes `descriptor` unless the entry owns it."""
    if descriptor is None:
        return None
    owned = False
    try:
        identity = _identity(descriptor)
        # A locked marker with a link is the one in `folder`: until it is unlinked, no other file can have its name.
        bundle = None if identity is None else open_unpacked(folder)
        if identity is None or bundle is None:
            return None
        owned = True
        return Entry(bundle, folder, identity, descriptor)
    finally:
        if not owned:
            os.close(descriptor)


def _lock(marker: Path | str, kind: int) -> int | None:
    """An open descriptor that holds the lock of a marker; None when there is no marker or another process holds a conflicting lock."""
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
    """Device, inode and time of an open marker; None when it was removed. The time is included because inode numbers are reused."""
    status = os.fstat(marker)
    return (status.st_dev, status.st_ino, status.st_mtime_ns) if status.st_nlink else None


def _present(folder: Path) -> _Identity | None:
    """The identity of the marker that is in `folder` now; None without one."""
    try:
        status = (folder / READY).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns


@contextmanager
def _lock_names(root: Path) -> Iterator[None]:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
