"""Whether the inputs of a build have changed: what the file system says of each, without reading any of them.

The watcher's events are hints only. This comparison decides, so an event that is lost, doubled or about an output changes nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

Mark = tuple[object, ...] | None
"""What is compared: of a file its times, size and number; of a folder the names in it; None when it does not exist."""
Fingerprint = Mapping[Path, Mark]

_OUTPUTS = frozenset({"dist", "node_modules", "__pycache__"})
_TEMPORARY_ENDINGS = ("~", ".swp", ".swx", ".swo", ".tmp", ".bak", ".partial", ".orig")
_PROBE_OF_VIM = "4913"


def fingerprint(inputs: Iterable[Path]) -> dict[Path, Mark]:
    """The marks of these files and folders now."""
    return {path: _mark(path) for path in inputs}


def changed_paths(before: Fingerprint, after: Fingerprint) -> list[Path]:
    """The paths whose marks differ, files first, sorted. Both have the same paths."""
    differing = [path for path, mark in after.items() if before.get(path) != mark]
    files = sorted(path for path in differing if not _is_folder(after[path]) and not _is_folder(before.get(path)))
    return files or sorted(differing)


def newest_change(paths: Iterable[Path]) -> float | None:
    """When the newest of these files was written, in seconds since the epoch; None if none exists any more."""
    times = []
    for path in paths:
        try:
            times.append(path.stat().st_mtime)
        except OSError:
            continue
    return max(times, default=None)


def _mark(path: Path) -> Mark:
    try:
        found = path.stat()
        if not stat.S_ISDIR(found.st_mode):
            # The change time too: a tool can set the modification time back, as `git` and `rsync` do.
            return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns)
        return ("folder", frozenset(entry.name for entry in os.scandir(path) if _matters(entry.name)))
    except OSError:
        return None


def _matters(name: str) -> bool:
    """Whether a name in a folder can be an input: not what editors leave next to it, and not an output."""
    return not (name.startswith((".", "#")) or name.endswith(_TEMPORARY_ENDINGS) or name in _OUTPUTS or name == _PROBE_OF_VIM)


def _is_folder(mark: Mark) -> bool:
    return mark is not None and mark[0] == "folder"
