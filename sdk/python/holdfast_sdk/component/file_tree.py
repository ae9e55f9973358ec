"""The read-only files of a component, held in memory: a component has no file system of its own.

build:  image files ──add_image──▶ FileTree ──snapshot of the interpreter──▶ component
call:   open(), os.stat(), import … ──(redirect.py)──▶ FileTree
"""

from __future__ import annotations

import errno
import json
import os
import posixpath
import stat
import zlib

_MAGIC = b"HFIMAGE1"
# Times of files are counted from here: archives cannot have times before 1980.
_YEAR_2000 = 946_684_800
_FILE_MODE = stat.S_IFREG | 0o444
_FOLDER_MODE = stat.S_IFDIR | 0o555


class FileTree:
    """Files by absolute path. Contents are `bytes`, or `(data, start, stored, size)` for deflated bytes inside an image.

    `stored` is negative for a file that is listed with its size but has no content: the source text of the standard library.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes | tuple[memoryview, int, int, int]] = {}
        self.folders: dict[str, list[str]] = {"/": []}
        # The modification time of everything: the import system reads a folder again when this has changed.
        self.generation = 1

    def add_image(self, data: bytes) -> None:
        """Adds the files of an image that `holdfast build` wrote: magic, length of the index, index as JSON, contents."""
        if data[:8] != _MAGIC:
            raise ValueError("not an image of files")
        view = memoryview(data)
        start = 12 + int.from_bytes(data[8:12], "big")
        for path, (offset, stored, size) in json.loads(data[12:start]).items():
            self._add(path, (view, start + offset, stored, size))
        self.generation += 1

    def add(self, path: str, content: bytes) -> None:
        """Adds or replaces one file."""
        self._add(path, content)
        self.generation += 1

    def _add(self, path: str, content: bytes | tuple[memoryview, int, int, int]) -> None:
        known = path in self.files
        self.files[path] = content
        while not known:
            parent, name = posixpath.split(path)
            known = parent in self.folders
            self.folders.setdefault(parent, []).append(name)
            path = parent

    def locate(self, path: object) -> str | None:
        """The normalized path if it is a file or folder here, else None. Accepts everything that `os.stat` accepts."""
        if isinstance(path, int):
            return None
        text = os.fsdecode(path)  # type: ignore[arg-type]
        if text in self.files or text in self.folders:
            return text
        text = posixpath.normpath(posixpath.join("/", text))
        return text if text in self.files or text in self.folders else None

    def read(self, path: str) -> bytes:
        """The content of a file. Raises IsADirectoryError, and FileNotFoundError for a file that is only listed."""
        content = self.files.get(path)
        if content is None:
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
        if isinstance(content, bytes):
            return content
        data, start, stored, _ = content
        if stored < 0:
            raise FileNotFoundError(errno.ENOENT, "The source text of the standard library is not part of a component", path)
        return zlib.decompress(data[start : start + stored])

    def status(self, path: str) -> os.stat_result:
        """As `os.stat`."""
        content = self.files.get(path)
        mode = _FOLDER_MODE if content is None else _FILE_MODE
        size = 0 if content is None else len(content) if isinstance(content, bytes) else content[3]
        time = _YEAR_2000 + self.generation
        return os.stat_result((mode, hash(path) & 0x7FFFFFFF, 1, 1, 0, 0, size, time, time, time))

    def names(self, path: str) -> list[str]:
        """As `os.listdir`. Raises NotADirectoryError."""
        if path not in self.folders:
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)
        return list(self.folders[path])


TREE = FileTree()
"""The files of this component."""
