"""The state of a file as a build saw it, and a check that costs one `stat` while nothing has changed."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path

from msgspec import Struct

SETTLED_NS = 50_000_000
"""A file that changed less than this before it was read could change again within the same tick of the file system's clock."""

Stamp = tuple[int, int, int, int]
"""Modification time (ns), size, inode, change time (ns)."""


class FileState(Struct, frozen=True, array_like=True):
    """SHA-256 (hex) of a file's content. `stamp` stands for the content as long as it is the same; None means: compare the content."""

    sha256: str
    stamp: Stamp | None = None


def _stamp(found: os.stat_result) -> Stamp:
    return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns)


def read_state(path: Path) -> FileState | None:
    """The state of `path` now; None when it is not a file."""
    try:
        with path.open("rb") as file:
            # Before the content: a change in between is then found by the next check.
            found, now = os.fstat(file.fileno()), time.time_ns()
            if not stat.S_ISREG(found.st_mode):
                return None
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
    return FileState(digest, _stamp(found) if now - found.st_ctime_ns > SETTLED_NS else None)


def check_state(path: Path, known: FileState) -> FileState | None:
    """The state of `path` if its content is that of `known`, with a newer stamp where the old one is of no use; None if it differs."""
    if known.stamp is not None:
        try:
            if _stamp(path.stat()) == known.stamp:
                return known
        except OSError:
            return None
    current = read_state(path)
    return current if current is not None and current.sha256 == known.sha256 else None


def refresh_state(path: Path, known: FileState | None) -> FileState | None:
    """The state of `path` now; reads the content only if `known` does not stand for it."""
    return (None if known is None else check_state(path, known)) or read_state(path)


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of the content; empty when there is no such file."""
    state = read_state(path)
    return "" if state is None else state.sha256
