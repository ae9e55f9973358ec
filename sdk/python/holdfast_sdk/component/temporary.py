"""Temporary files, in memory: what packages write below /tmp lasts until the end of the call."""

from __future__ import annotations

import errno
import io
import os
import posixpath
from typing import Any

from holdfast_sdk.component.file_tree import TREE

FOLDER = "/tmp"  # noqa: S108 - a folder in the memory of one call


def is_temporary(path: Any) -> str | None:
    """The normalized path if it is below the folder for temporary files, else None."""
    if isinstance(path, int):
        return None
    text = posixpath.normpath(posixpath.join("/", os.fsdecode(path)))
    return text if text.startswith(f"{FOLDER}/") else None


class WrittenFile(io.BytesIO):
    """A file that is open for writing. Its content is in the tree after `flush` and `close`."""

    def __init__(self, path: str, name: Any, mode: str) -> None:
        exists = path in TREE.files
        if "x" in mode and exists:
            raise FileExistsError(errno.EEXIST, "File exists", name)
        if "r" in mode and not exists:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        if posixpath.dirname(path) not in TREE.folders:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        super().__init__(TREE.read(path) if exists and "w" not in mode else b"")
        self._path, self._appends = path, "a" in mode
        self.name, self.mode = name, mode
        if self._appends:
            self.seek(0, io.SEEK_END)
        TREE.add(path, self.getvalue())

    def write(self, data: Any) -> int:
        if self._appends:
            self.seek(0, io.SEEK_END)
        return super().write(data)

    def flush(self) -> None:
        if not self.closed and self._path in TREE.files:
            TREE.add(self._path, self.getvalue())

    def close(self) -> None:
        self.flush()
        super().close()


def remove(path: str) -> None:
    """Removes a temporary file or an empty folder. Raises FileNotFoundError, OSError."""
    if TREE.folders.get(path):
        raise OSError(errno.ENOTEMPTY, "Directory not empty", path)
    if TREE.files.pop(path, None) is None and TREE.folders.pop(path, None) is None:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
    TREE.folders[posixpath.dirname(path)].remove(posixpath.basename(path))


def make_folder(path: str) -> None:
    """Makes a temporary folder. Raises FileExistsError, FileNotFoundError."""
    if TREE.locate(path) is not None:
        raise FileExistsError(errno.EEXIST, "File exists", path)
    parent, name = posixpath.split(path)
    if parent not in TREE.folders:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
    TREE.folders[path] = []
    TREE.folders[parent].append(name)
