"""Where the logs of every process go: stderr, readable for a person, or one JSON object a line."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from holdfast.settings import Settings

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
# What these say at level info repeats what Holdfast says itself, or names addresses that carry tokens.
QUIET = ("httpx2", "httpcore2", "alembic", "aiosqlite", "asyncio")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_RENDERED = frozenset({"exception", "stack"})


def configure_logs(settings: Settings) -> None:
    """Sends structlog's and the standard library's records of the level that is set, or above, to stderr."""
    level = LEVELS[settings.log_level]
    as_json = settings.log_format == "json" or (settings.log_format is None and settings.environment == "production")
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        _Stamp() if as_json else structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
    ]
    # Tracebacks without the values of variables: tokens and secrets are among them.
    tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
    renderer: list[Processor] = (
        [tracebacks, _as_json]
        if as_json
        else [
            _in_one_line,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback),
        ]
    )
    # Not through the standard library's records, which cost 50 microseconds more, a fifth of a whole call; a level that is not wanted
    # costs next to nothing.
    _QuickInfo.configured = _QuickInfo() if as_json and level <= logging.INFO else None
    structlog.configure(
        processors=[*shared, *renderer],
        logger_factory=_Stderr,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, level))
    # The server's own lines about its start are the platform's to say.
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, level))


@contextmanager
def lines_together() -> Iterator[None]:
    """Writes what is logged within the block at its end, in one piece: for who has many lines to say at once. Not to be awaited in."""
    held = _Stderr.held = list[str]()
    try:
        yield
    finally:
        _Stderr.held = None
        if held:
            sys.stderr.write("\n".join([*held, ""]))


def info(logger: structlog.typing.FilteringBoundLogger, event: str, **fields: object) -> None:
    """What `logger.info` writes, in a third of the time where lines are JSON: for lines that there are thousands of in a second."""
    quick = _QuickInfo.configured
    if quick is None:
        logger.info(event, **fields)
    else:
        quick(fields | {"event": event})


class _Stderr:
    """Writes lines to what is stderr at that moment, each in one piece."""

    held: list[str] | None = None

    def __init__(self, *name: object) -> None:
        pass

    def msg(self, line: str) -> None:
        if self.held is None:
            sys.stderr.write(f"{line}\n")
        else:
            self.held.append(line)

    debug = info = warning = error = critical = msg


_encode = json.JSONEncoder(default=repr).encode


_quickly = msgspec.json.Encoder().encode


def _as_json(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """In ASCII, so that nothing in it ends a line, for whatever reads it."""
    try:
        line = _quickly(event)
    except Exception:  # a value that is no JSON, or a text that is no Unicode
        return _encode(event)
    return line.decode() if line.isascii() else _encode(event)


class _Stamp:
    """Adds the time, such as `2026-11-24T17:31:54.123456Z`; what is the same for a second is made once."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        second, fraction = divmod(time.time_ns() // 1_000, 1_000_000)
        if second != self._second:
            self._second, self._text = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        event["timestamp"] = f"{self._text}.{fraction:06d}Z"
        return event


class _QuickInfo:
    """The processors and the logger of a JSON line of level info, without what lies between them."""

    configured: _QuickInfo | None = None

    def __init__(self) -> None:
        self._stamp = _Stamp()
        self._write = _Stderr().msg

    def __call__(self, event: EventDict) -> None:
        event["level"] = "info"
        self._write(_as_json(None, "info", self._stamp(None, "info", event)))


def _in_one_line(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Control characters as escapes: what guests and callers sent must not begin a line of its own, nor speak to the terminal."""
    for name, value in event.items():
        if isinstance(value, str) and name not in _RENDERED:
            event[name] = _CONTROL.sub(lambda found: ascii(found[0])[1:-1], value)
    return event
