"""Writes log lines to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class StderrWriter:
    """A structlog logger that writes each line in one piece to the current `sys.stderr`."""

    buffer: list[str] | None = None

    def __init__(self, *name: object) -> None:
        pass

    def msg(self, line: str) -> None:
        if self.buffer is None:
            sys.stderr.write(f"{line}\n")
        else:
            self.buffer.append(line)

    debug = info = warning = error = critical = msg


@contextmanager
def buffered_lines() -> Iterator[None]:
    """Collects what is logged within the block and writes it at the end, in one write. Do not await within the block."""
    lines = StderrWriter.buffer = list[str]()
    try:
        yield
    finally:
        StderrWriter.buffer = None
        if lines:
            sys.stderr.write("\n".join([*lines, ""]))
