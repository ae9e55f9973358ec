"""In place of the compiled module for the system log. The numbers are those of POSIX systems (sys/syslog.h)."""

from __future__ import annotations

import errno
from typing import Any, NoReturn

LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG = range(8)
LOG_KERN, LOG_USER, LOG_MAIL, LOG_DAEMON, LOG_AUTH, LOG_SYSLOG, LOG_LPR, LOG_NEWS = range(0, 64, 8)
LOG_UUCP, LOG_CRON, LOG_AUTHPRIV, LOG_FTP = range(64, 96, 8)
LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3, LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7 = range(128, 192, 8)
LOG_PID, LOG_CONS, LOG_ODELAY, LOG_NDELAY, LOG_NOWAIT, LOG_PERROR = 1, 2, 4, 8, 16, 32


def LOG_MASK(pri: int, /) -> int:
    """The mask of one priority."""
    return 1 << pri


def LOG_UPTO(pri: int, /) -> int:
    """The mask of all priorities up to this one."""
    return (1 << pri + 1) - 1


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise OSError(errno.ENOSYS, "A component has no system log: write to host.logging")


openlog = syslog = setlogmask = closelog = _refuse
