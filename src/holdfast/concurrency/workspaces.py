"""Temporary folders that disappear: at the end of the work, or, after a crash, when another process cleans up.

mkdir FOLDER ──▶ flock ──▶ in use ──▶ removed, lock released          (normal end, error or cancellation)
                    │         └─ killed: the kernel releases the lock ──▶ stale ──▶ removed by remove_stale_workspaces
                    ├─ another process saw FOLDER before it was locked and removed it: use a new name
                    └─ the file system has no locks: FOLDER is used without one, and no process can take it for stale

The system's folder for temporary files belongs to all users. There, only folders of this user are removed. No symbolic link is followed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".work-"
TEMPORARY_PREFIX = "holdfast-work-"
_STAGING_PREFIX = ".holdfast-work-"
_MAX_TRIES = 20
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}


class _LocksUnsupported(Exception):
    """Raised when the file system has no locks."""


def _lock(folder: Path, *, own_only: bool = False) -> int | None:
    """An open descriptor that holds the lock of `folder`; None when another process uses the folder or has removed it.

    With `own_only`, also None when it belongs to another user. Not always: a network disk may show another owner than the one who writes.
    Raises _LocksUnsupported.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        opened = os.fstat(descriptor)
        if not own_only or opened.st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Compared after locking: between open and flock, another process can remove the folder and a third can create it again.
            if folder.exists() and folder.lstat().st_ino == opened.st_ino:
                return descriptor
    except OSError as error:
        if error.errno in _NO_LOCKS:
            os.close(descriptor)
            raise _LocksUnsupported from None
    os.close(descriptor)
    return None


@contextmanager
def workspace(root: Path, prefix: str = _PREFIX) -> Iterator[Path]:
    """A new empty folder below `root`; it is removed with its content when the block ends.

    A lock on the folder shows other processes that it is in use. Raises OSError when the folder cannot be created.
    """
    root.mkdir(parents=True, exist_ok=True)
    folder, descriptor = _make_locked(root, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def _make_locked(root: Path, prefix: str) -> tuple[Path, int | None]:
    """A new folder and the descriptor that holds its lock; None on a file system without locks."""
    for _ in range(_MAX_TRIES):
        folder = root / f"{prefix}{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        # Until it is locked, the folder looks stale to a process that starts now and may be removed; then try another name.
        try:
            descriptor = _lock(folder)
        except _LocksUnsupported:
            return folder, None
        if descriptor is not None:
            return folder, descriptor
        shutil.rmtree(folder, ignore_errors=True)
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@contextmanager
def temporary_folder(purpose: str, root: Path | None = None) -> Iterator[Path]:
    """As `workspace`, in `root` or the system's folder for temporary files. `purpose` is part of its name, for people."""
    with workspace(root or Path(tempfile.gettempdir()), f"{TEMPORARY_PREFIX}{purpose}-") as folder:
        yield folder


@contextmanager
def staging_folder(beside: Path) -> Iterator[Path]:
    """As `workspace`, in the folder of what is to be made: one rename puts it in its place. Hidden, as that may be a person's folder.

    Staging folders of killed processes there are removed first.
    """
    remove_stale_workspaces(beside, _STAGING_PREFIX, own_only=True)
    with workspace(beside, _STAGING_PREFIX) as folder:
        yield folder


def remove_stale_workspaces(root: Path, prefix: str = _PREFIX, *, own_only: bool = False) -> None:
    """Removes the workspaces of processes that have ended; a workspace of a running process is locked and stays."""
    for folder in root.glob(f"{prefix}*"):
        try:
            descriptor = _lock(folder, own_only=own_only)
        except _LocksUnsupported:
            return
        if descriptor is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


def remove_stale_temporary_folders() -> None:
    """Removes what killed processes of this user left in the system's folder for temporary files. Services call it when they start."""
    remove_stale_workspaces(Path(tempfile.gettempdir()), TEMPORARY_PREFIX, own_only=True)
