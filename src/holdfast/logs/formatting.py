"""Structlog processors that format a log line: the time, JSON, and control characters."""

from __future__ import annotations

import json
import re
import time

import msgspec
from structlog.typing import EventDict, WrappedLogger

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MULTILINE = frozenset({"exception", "stack"})

EXTENSION_LOG = "extension_log"
"""The event of a line that an extension wrote; `console_lines` shows it in a form of its own."""

_encode = json.JSONEncoder(default=repr).encode
_encode_fast = msgspec.json.Encoder().encode


class Timestamp:
    """Adds the time, such as `2026-11-24T17:31:54.123456Z`. Formats the part down to the second once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        second, fraction = divmod(time.time_ns() // 1_000, 1_000_000)
        if second != self._second:
            self._second, self._text = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        event["timestamp"] = f"{self._text}.{fraction:06d}Z"
        return event


def render_json(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """One JSON object in ASCII: no character of it can end the line, whatever reads it."""
    try:
        line = _encode_fast(event)
    except Exception:  # a value that JSON does not have, or text that is not valid Unicode
        return _encode(event)
    return line.decode() if line.isascii() else _encode(event)


def escape_control_characters(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Escapes control characters: text of guests and callers must not start a new line or send commands to the terminal."""
    for name, value in event.items():
        if isinstance(value, str) and name not in _MULTILINE and not (name == "message" and event["event"] == EXTENSION_LOG):
            event[name] = escape_controls(value)
    return event


def escape_controls(text: str) -> str:
    """`text` with each control character and line separator in the form of a Python literal."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)
