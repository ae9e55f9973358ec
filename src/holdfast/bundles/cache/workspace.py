"""Folders for work in progress that disappear: at the end of the work, or, when the process was killed, at the next start."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".work-"
_TRIES = 20


def _lock(folder: Path) -> int | None:
    """An open descriptor that holds the lock of `folder`, or None when another process works in it or has removed it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if folder.exists() and folder.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


@contextmanager
def workspace(root: Path) -> Iterator[Path]:
    """A new empty folder below `root`, gone with all it holds when the block ends. The lock shows other processes that it is in use.

    Raises OSError when it cannot be made, also where the file system has no locks.
    """
    root.mkdir(parents=True, exist_ok=True)
    for _ in range(_TRIES):
        folder = root / f"{_PREFIX}{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        # A process that starts just now may take the folder for a leftover before it is locked; then make another.
        if (descriptor := _lock(folder)) is not None:
            break
        shutil.rmtree(folder, ignore_errors=True)
    else:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_leftovers(root: Path) -> None:
    """Removes the work folders of processes that are gone; those of living ones are locked and stay."""
    for folder in root.glob(f"{_PREFIX}*"):
        descriptor = _lock(folder)
        if descriptor is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)
