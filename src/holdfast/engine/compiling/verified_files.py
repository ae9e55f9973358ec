"""Which files this process has verified. A file that did not change since is not verified again.

A file counts as unchanged while its inode, size, and times of content and status are the same. Its owner could set the first of the two
times back, the kernel sets the second.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

_MAX_KNOWN = 65_536

Identity = tuple[int, int, int, int, int]


def identity(file: Path) -> Identity:
    """Raises OSError when there is no such file."""
    status = file.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class VerifiedFiles:
    """Verified files by path. Belongs to one event loop."""

    def __init__(self) -> None:
        self._known: OrderedDict[Path, Identity] = OrderedDict()

    def add(self, file: Path, verified: Identity) -> None:
        """`verified` is the identity that the file had before it was verified."""
        self._known[file] = verified
        self._known.move_to_end(file)
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)

    def is_unchanged(self, file: Path) -> bool:
        """Whether the file is the one that was verified."""
        known = self._known.get(file)
        if known is None:
            return False
        try:
            return identity(file) == known
        except OSError:
            return False
