"""Temporary folders in the cache that disappear: at the end of the work, or, after a crash, when another process cleans up.

mkdir .work-X ──▶ flock ──▶ in use ──▶ removed, lock released          (normal end, error or cancellation)
                     │         └─ killed: the kernel releases the lock ──▶ stale ──▶ removed by remove_stale_workspaces
                     └─ another process saw .work-X before it was locked and removed it: use a new name
"""

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
_MAX_TRIES = 20


def _lock(folder: Path) -> int | None:
    """An open descriptor that holds the lock of `folder`; None when another process uses the folder or has removed it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Compared after locking: between open and flock, another process can remove the folder and a third can create it again.
        if folder.exists() and folder.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


@contextmanager
def workspace(root: Path) -> Iterator[Path]:
    """A new empty folder below `root`; it is removed with its content when the block ends.

    A lock on the folder shows other processes that it is in use. Raises OSError when the folder cannot be created, and on a file system
    without locks.
    """
    root.mkdir(parents=True, exist_ok=True)
    for _ in range(_MAX_TRIES):
        folder = root / f"{_PREFIX}{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        # Until it is locked, the folder looks stale to a process that starts now and may be removed; then try another name.
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


def remove_stale_workspaces(root: Path) -> None:
    """Removes the workspaces of processes that have ended; a workspace of a running process is locked and stays."""
    for folder in root.glob(f"{_PREFIX}*"):
        descriptor = _lock(folder)
        if descriptor is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)
