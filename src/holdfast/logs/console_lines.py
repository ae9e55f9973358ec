"""Log lines for people: structlog's form, and a shorter one for what extensions write.

22:01:03 [info     ] com.example.notes  saved note 7                  (request 4f1c2a90)
22:01:04 [error    ] com.example.notes  TypeError: x is undefined     (request 77ab0c1e)
                     │     at handler (src/handler.ts:4:9)
"""

from __future__ import annotations

from typing import Any

from structlog.typing import EventDict, Processor, WrappedLogger

from holdfast.logs.formatting import EXTENSION_LOG, escape_controls

MAX_LINES = 60
"""Lines of one message, such as a stack, that are shown."""
SHORT_ID = 8
"""Characters of a request id that are shown: `holdfast logs --request` finds a request by its beginning."""

_INDENT = " " * 21 + "│ "
_RESET, _BOLD, _DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_COLOURS = {"debug": "\x1b[32m", "info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m"}


class ConsoleLines:
    """A structlog renderer. Events named `extension_log` get the short form, all others that of `others`."""

    def __init__(self, others: Processor, *, colours: bool) -> None:
        self._others = others
        self._colours = colours

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> Any:
        if event["event"] != EXTENSION_LOG:
            return self._others(logger, method, event)
        level, request_id = str(event["level"]), event.get("request_id")
        first, *rest = message_lines(str(event["message"]))
        colour = _COLOURS.get(level, "")
        parts = (
            self._paint(_DIM, str(event["timestamp"])),
            f"[{self._paint(colour, f'{level:<9}')}]",
            self._paint(_BOLD, str(event.get("extension_name") or event["extension"])),
            "",
            self._paint(colour, first) if level in ("warning", "error") else first,
            "",
            self._paint(_DIM, f"(request {short_id(str(request_id))})") if request_id else "",
        )
        return "\n".join([" ".join(parts).rstrip(), *(_INDENT + line for line in rest)])

    def _paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colours and colour else text


def message_lines(message: str) -> list[str]:
    """The lines of a message, at least one and at most MAX_LINES, without control characters."""
    lines = message.replace("\r\n", "\n").rstrip("\n").split("\n")
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], f"… {len(lines) - MAX_LINES} more lines"]
    return [escape_controls(line.replace("\t", "    ")) for line in lines]


def short_id(request_id: str) -> str:
    """The beginning of a request id, by which people tell requests apart."""
    return request_id[:SHORT_ID]
