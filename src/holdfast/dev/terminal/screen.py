"""Writes the lines of `holdfast dev`: plain text for pipes, a little colour on a terminal. Nothing that a guest writes can control it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

COLOURS = {"dim": "2", "bold": "1", "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36"}
_PREFIX_COLOURS = ("cyan", "magenta", "blue", "green", "yellow")


def plain(text: str) -> str:
    """The text without control characters other than line ends and tabs."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() or character in "\n\t" else "\N{REPLACEMENT CHARACTER}" for character in text)


class Screen:
    """Writes to one stream: lines for people or, with `as_json`, a line of JSON for each event."""

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        as_json: bool = False,
        colours: bool | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stream = stream or sys.stdout
        self._as_json = as_json
        self._colours = has_colours(self._stream) if colours is None else colours
        self._clock = clock
        self._prefixes: dict[str, str] = {}

    def set_names(self, names: list[str]) -> None:
        """The names of the extensions. With one, its lines have no prefix."""
        if len(names) < 2:
            return
        width = max(map(len, names))
        for position, name in enumerate(names):
            colour = _PREFIX_COLOURS[position % len(_PREFIX_COLOURS)]
            self._prefixes[name] = self.paint(f"{plain(name):<{width}}", colour) + " "

    def paint(self, text: str, *styles: str) -> str:
        """The text in these colours, or as it is where colours are off."""
        if not self._colours or not styles:
            return text
        return f"\x1b[{';'.join(COLOURS[style] for style in styles)}m{text}\x1b[0m"

    def record(self, kind: str, name: str | None = None, **fields: Any) -> None:
        """An event for programs: its kind, the extension it is about, and its fields. Nothing in text."""
        if self._as_json:
            about = {} if name is None else {"extension": name}
            self._write(json.dumps({"event": kind, **about, **fields}, ensure_ascii=False, separators=(",", ":")) + "\n")

    def lines(self, *lines: str) -> None:
        """Lines as they are, without time and prefix."""
        self._write_text("".join(f"{line}\n" for line in lines))

    def event(self, name: str | None, text: str, *styles: str) -> None:
        """What happened, with the time; further lines of the text are indented below the first."""
        time_text = time.strftime("%H:%M:%S", time.localtime(self._clock()))
        head = f"{self.paint(time_text, 'dim')} {self._prefixes.get(name or '', '')}"
        first, *rest = plain(text).split("\n")
        indented = [f"         {self._prefixes.get(name or '', '')}{self.paint(line, *styles)}" for line in rest]
        self._write_text("\n".join([head + self.paint(first, *styles), *indented]) + "\n")

    def raw_event(self, name: str | None, text: str) -> None:
        """As `event`, for one line that is painted already and has no control characters besides."""
        time_text = time.strftime("%H:%M:%S", time.localtime(self._clock()))
        self._write_text(f"{self.paint(time_text, 'dim')} {self._prefixes.get(name or '', '')}{text}\n")

    def _write_text(self, text: str) -> None:
        if not self._as_json:
            self._write(text)

    def _write(self, text: str) -> None:
        try:
            # In raw mode too: the terminal still turns a line end into a new line, because output processing stays on.
            self._stream.write(text)
            self._stream.flush()
        except BlockingIOError:
            # A terminal whose reader is slow: lines are dropped, builds are not delayed.
            return


def has_colours(stream: TextIO) -> bool:
    """Whether the stream is a terminal that shows colours, and the user has not turned them off (https://no-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")
