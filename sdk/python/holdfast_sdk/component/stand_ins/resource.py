"""In place of the compiled module for resource usage. The numbers are those of Linux (asm-generic/resource.h)."""

from __future__ import annotations

import errno
from typing import Any, NoReturn

error = OSError
RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_THREAD = 0, -1, 1
RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_RSS, RLIMIT_NPROC, RLIMIT_NOFILE = range(8)
RLIMIT_MEMLOCK, RLIMIT_AS = 8, 9
RLIM_INFINITY = -1


def getpagesize() -> int:
    """The page size of WebAssembly."""
    return 65536


def _refuse(*_: Any) -> NoReturn:
    raise OSError(errno.ENOSYS, "A component cannot read or set its limits and usage: the runner sets the limits of a call")


getrusage = getrlimit = setrlimit = prlimit = _refuse
