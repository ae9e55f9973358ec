"""Finds out which files any process opens in some folders, with inotify(7): for programs that do not report what they read.

folders watched ──▶ the program runs, events are read as they come ──▶ the files that were opened
       └── not Linux, too many folders, or the system dropped events ──▶ unknown: it may have opened any file
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Self

MAX_FOLDERS = 4_000
_IN_OPEN, _IN_ONLYDIR, _IN_ISDIR, _IN_Q_OVERFLOW = 0x20, 0x0100_0000, 0x4000_0000, 0x4000
_EVENT = struct.Struct("iIII")
"""Watch, mask, cookie, length of the name that follows."""
_MAX_BYTES = 65_536


class OpenedFiles:
    """Watches `folders`, not those below them, for the length of a `with` block in an event loop."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = list(dict.fromkeys(folders))
        self._watches: dict[int, Path] = {}
        self._found: set[Path] = set()
        self._descriptor: int | None = None
        self._is_complete = False

    @property
    def paths(self) -> frozenset[Path] | None:
        """The files that some process opened. None: any file may have been opened."""
        return frozenset(self._found) if self._is_complete else None

    def __enter__(self) -> Self:
        if sys.platform == "linux" and len(self._folders) <= MAX_FOLDERS:
            libc = ctypes.CDLL(None, use_errno=True)
            descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            if descriptor >= 0:
                self._descriptor = descriptor
                self._is_complete = all(self._watch(libc, descriptor, folder) for folder in self._folders)
                asyncio.get_running_loop().add_reader(descriptor, self._read)
        return self

    def __exit__(self, *failure: object) -> None:
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            self._read()
            os.close(self._descriptor)
            self._descriptor = None

    def _watch(self, libc: ctypes.CDLL, descriptor: int, folder: Path) -> bool:
        watch: int = libc.inotify_add_watch(descriptor, os.fsencode(folder), _IN_OPEN | _IN_ONLYDIR)
        self._watches[watch] = folder
        # A folder that is gone has no files to open.
        return watch >= 0 or not folder.is_dir()

    def _read(self) -> None:
        assert self._descriptor is not None
        try:
            while events := os.read(self._descriptor, _MAX_BYTES):
                self._add(events)
        except BlockingIOError:
            return

    def _add(self, events: bytes) -> None:
        at = 0
        while at < len(events):
            watch, mask, _, length = _EVENT.unpack_from(events, at)
            name = events[at + _EVENT.size : at + _EVENT.size + length].rstrip(b"\0")
            at += _EVENT.size + length
            if mask & _IN_Q_OVERFLOW:
                self._is_complete = False
            elif name and not mask & _IN_ISDIR and watch in self._watches:
                self._found.add(self._watches[watch] / os.fsdecode(name))
