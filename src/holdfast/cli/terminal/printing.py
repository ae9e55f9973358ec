"""How commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from holdfast.errors import HoldfastError


def plain(text: str) -> str:
    """The text without control characters: a name in another person's manifest must not be able to control the terminal."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() or character in "\n\t" else "\N{REPLACEMENT CHARACTER}" for character in text)


def print_json(value: Any) -> None:
    """Writes `value` to stdout as one line of JSON."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def print_lines(*lines: str) -> None:
    """Writes result lines to stdout: no wrapping, no markup, so that they can be copied and piped."""
    sys.stdout.write("".join(f"{plain(line)}\n" for line in lines))
    sys.stdout.flush()


def print_bytes(body: bytes) -> None:
    """Writes bytes to stdout as they are, and a line end when they have none."""
    sys.stdout.flush()
    sys.stdout.buffer.write(body if body.endswith(b"\n") or not body else body + b"\n")
    sys.stdout.flush()


def print_error(error: HoldfastError) -> None:
    """Writes the message and, on the same line, the hint to stderr."""
    sys.stderr.write(f"{plain(str(error))}\n")
    sys.stderr.flush()


def note(line: str) -> None:
    """Writes one line of progress to stderr."""
    sys.stderr.write(f"{plain(line)}\n")
    sys.stderr.flush()


def progress_notes(*, quiet: bool) -> Callable[[str], None]:
    """A function that prints the steps of long work on stderr, or nothing when `quiet`."""
    return (lambda line: None) if quiet else note


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Writes a table to stdout: columns of equal width, separated by two spaces. A long line is not folded."""
    table = [[*headings], *([plain(cell).replace("\n", " ") for cell in row] for row in rows)]
    widths = [max(map(_cells, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell + " " * (width - _cells(cell)) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
    sys.stdout.flush()


def _cells(text: str) -> int:
    """The columns of a terminal that a text takes: two for each wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1 for character in text)
