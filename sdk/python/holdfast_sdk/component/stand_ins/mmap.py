"""In place of the compiled module for mapped memory. The numbers are those of Linux (asm-generic/mman-common.h)."""

from __future__ import annotations

import errno
from typing import Any

error = OSError
ACCESS_DEFAULT, ACCESS_READ, ACCESS_WRITE, ACCESS_COPY = range(4)
PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
MAP_SHARED, MAP_PRIVATE, MAP_ANON, MAP_ANONYMOUS = 1, 2, 32, 32
MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED = range(5)
PAGESIZE = ALLOCATIONGRANULARITY = 65536
"""The page size of WebAssembly."""


class mmap:
    """Cannot be made."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise OSError(errno.ENODEV, "A component cannot map files into memory: read them, or use a bytearray")
