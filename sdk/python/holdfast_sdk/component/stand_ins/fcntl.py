"""In place of the compiled module for file control. The numbers are those of Linux (asm-generic/fcntl.h).

No one else can open the files of a call, so a lock on one of them is granted.
"""

from __future__ import annotations

import errno
from typing import Any, NoReturn

LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN = 1, 2, 4, 8
F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_SETOWN, F_GETOWN = range(10)
F_RDLCK, F_WRLCK, F_UNLCK = range(3)
F_DUPFD_CLOEXEC, FD_CLOEXEC, FASYNC = 1030, 1, 0x2000


def flock(fd: Any, operation: int, /) -> None:
    """Grants the lock."""


def lockf(fd: Any, cmd: int, len: int = 0, start: int = 0, whence: int = 0, /) -> None:  # noqa: A002 - its name
    """Grants the lock."""


def fcntl(fd: Any, cmd: int, arg: Any = 0, /) -> NoReturn:
    """Raises OSError."""
    raise OSError(errno.ENOSYS, "A component has no file descriptors that fcntl could control")


def ioctl(fd: Any, request: int, arg: Any = 0, mutate_flag: bool = True, /) -> NoReturn:
    """Raises OSError."""
    raise OSError(errno.ENOTTY, "A component has no devices")
