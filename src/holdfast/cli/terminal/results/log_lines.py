"""Shows the log lines of extensions in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TextIO

import msgspec

from holdfast.client.logs import LogLine
from holdfast.logs.console_lines import message_lines, short_id

_RESET, _DIM = "\x1b[0m", "\x1b[2m"
_COLOURS = {"warn": "\x1b[33m", "error": "\x1b[31m"}
_NAME_COLOURS = ("\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[32m")


class LogPrinter:
    """Prints lines as text: time, level, extension, message, and the beginning of the request's id; further lines of a message indented."""

    def __init__(self, stream: TextIO, *, with_names: bool) -> None:
        """`with_names` shows which extension wrote a line. Colours are for a terminal only."""
        self._stream = stream
        self._with_names = with_names
        self._colours = stream.isatty()
        self._known: dict[str, str] = {}

    def print(self, line: LogLine, names: Mapping[str, str]) -> None:
        """Prints one line; `names` has the names of extensions by id."""
        first, *rest = message_lines(line.message + (" … (cut off)" if line.truncated else ""))
        colour = _COLOURS.get(line.level, _DIM if line.stream == "host" else "")
        head = f"{self._paint(_DIM, _time(line.ts))}  {self._paint(colour, f'{line.level:<5}')}  "
        if self._with_names:
            name = names.get(line.extension_id, line.extension_id)
            head += self._paint(self._colour_of(name), name) + "  "
        request = f"  {self._paint(_DIM, f'({short_id(line.request_id)})')}" if line.request_id else ""
        text = "\n".join([f"{head}{self._paint(colour, first)}{request}", *(f"{' ' * 14}{self._paint(colour, more)}" for more in rest)])
        self._stream.write(text + "\n")

    def _colour_of(self, name: str) -> str:
        return self._known.setdefault(name, _NAME_COLOURS[len(self._known) % len(_NAME_COLOURS)])

    def _paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colours and colour else text


def print_json_line(line: LogLine, names: Mapping[str, str]) -> None:
    """Prints a line as one JSON object on stdout."""
    shape: dict[str, Any] = msgspec.to_builtins(line)
    shape |= {"extension": names.get(line.extension_id)}
    sys.stdout.write(msgspec.json.encode(shape).decode() + "\n")


def _time(ts: int) -> str:
    """The local time, with the day unless it is within half a day of now."""
    moment = datetime.fromtimestamp(ts / 1_000)
    form = "%H:%M:%S" if datetime.now() - moment < timedelta(hours=12) else "%Y-%m-%d %H:%M:%S"
    return moment.strftime(form) + f".{ts % 1_000:03d}"
