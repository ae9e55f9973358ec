"""Fast log lines, a speed trick for lines that are written thousands of times a second.

`fast_info` writes the same line as `logger.info` in a third of the time, where lines are JSON: it calls the processors directly.
`fast_line` does it for any level. `HOLDFAST_FAST_LOG_LINES=false` turns it off.
"""

from __future__ import annotations

import logging
from typing import Literal

import structlog
from structlog.typing import EventDict

from holdfast.logs.formatting import Timestamp, render_json
from holdfast.logs.output import StderrWriter

LineLevel = Literal["debug", "info", "warning", "error"]
LEVELS: dict[str, int] = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class FastLines:
    """The processors and the writer of a JSON line. `configured` is None where lines must go through structlog."""

    configured: FastLines | None = None

    def __init__(self, min_level: int) -> None:
        """Lines below `min_level`, a number of the standard library, are not written."""
        self._timestamp = Timestamp()
        self._write = StderrWriter().msg
        self._levels = frozenset(name for name, number in LEVELS.items() if number >= min_level)

    def __call__(self, level: LineLevel, event: EventDict) -> None:
        if level in self._levels:
            event["level"] = level
            self._write(render_json(None, level, self._timestamp(None, level, event)))


def fast_line(logger: structlog.typing.FilteringBoundLogger, level: LineLevel, event: str, **fields: object) -> None:
    """Logs like `logger.<level>(event, **fields)`. Ignores fields bound to the logger."""
    fast = FastLines.configured
    if fast is None:
        getattr(logger, level)(event, **fields)
    else:
        fast(level, fields | {"event": event})


def fast_info(logger: structlog.typing.FilteringBoundLogger, event: str, **fields: object) -> None:
    """Logs like `logger.info(event, **fields)`. Ignores fields bound to the logger."""
    fast_line(logger, "info", event, **fields)
