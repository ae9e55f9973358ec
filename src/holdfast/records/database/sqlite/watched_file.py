"""Notices that a database file was removed or replaced: SQLite itself goes on using the old one, and what it writes there is lost."""

from __future__ import annotations

import os

from holdfast.records.database.sqlite.errors import missing_file

_NO_FILE = (-1, -1)


class WatchedFile:
    """A database file by its path."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._identity: tuple[int, int] | None = None

    def has_changed(self) -> bool:
        """Whether another file is at the path than at the last call; true at the first call. Raises DatabaseError (`database_unreachable`)
        when it is missing.
        """
        try:
            status = os.stat(self.file)  # noqa: PTH116  called for each call: a Path would double its time
        except OSError as error:
            if self._identity is not None:
                self._identity = _NO_FILE
            raise missing_file(self.file) from error
        if self._identity == (status.st_dev, status.st_ino):
            return False
        self._identity = status.st_dev, status.st_ino
        return True

    @property
    def was_seen(self) -> bool:
        """Whether a call ever found a file."""
        return self._identity is not None

    def exists(self) -> bool:
        """Whether a file is there."""
        return os.path.exists(self.file)  # noqa: PTH110  as above
