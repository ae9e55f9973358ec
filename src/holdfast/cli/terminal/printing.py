"""How commands speak: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from holdfast.errors import HoldfastError

PIPE_WIDTH = 500
"""Columns of a table that goes to a file or a program: wide enough that no line is folded."""


def plain(text: str) -> str:
    """The text without what a terminal would obey: a name in a stranger's manifest must not be able to change what is read."""
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
    """Where the steps of long work are told: stderr, or nowhere when `quiet`."""
    return (lambda line: None) if quiet else note


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Writes a table to stdout, its cells as they are."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    result_console().print(table)


def result_console() -> Console:
    """A rich console on stdout for tables; colours only on a terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
