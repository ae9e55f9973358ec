"""A problem of a build, and how it is shown: with the lines of source around it, for the terminal and for the overlay of `holdfast dev`.

src/handler.ts:2:10: Unexpected ";"
  1 │ export const handler = async () => {
> 2 │   return ((;
    │            ^
  3 │ };
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

_AROUND = 2
_MAX_WIDTH = 160
MAX_SOURCE_BYTES = 2_000_000
"""Larger sources are generated; they are not read for a frame."""


class Problem(Struct, frozen=True, omit_defaults=True):
    """One problem that a tool reported. `file` is relative to the project if it is inside; line and column count from 1.

    `source` is the line itself, `hint` what to do next.
    """

    text: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    source: str | None = None
    hint: str | None = None

    @property
    def place(self) -> str:
        """`file:line:column` as far as they are known; empty without a file."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None and self.file is not None)

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


def _read_lines(project: Path | None, problem: Problem) -> list[str]:
    if problem.file is None or project is None:
        return []
    path = project / problem.file
    try:
        if path.stat().st_size > MAX_SOURCE_BYTES:
            return []
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _clip(text: str, column: int | None) -> tuple[str, int | None]:
    """A part of a very long line that contains the column, and the column in that part."""
    text = text.expandtabs(1)
    if len(text) <= _MAX_WIDTH:
        return text, column
    start = max(0, (column or 1) - _MAX_WIDTH // 2)
    return text[start : start + _MAX_WIDTH], None if column is None else column - start


def code_frame(project: Path | None, problem: Problem) -> list[str]:
    """The lines of source around `problem`, its own line marked; only its own line if the file is gone, and nothing without a line.

    `project` is the folder that `problem.file` is relative to.
    """
    if problem.line is None:
        return []
    lines = _read_lines(project, problem)
    if problem.line > len(lines):
        lines = [""] * (problem.line - 1) + [problem.source] if problem.source is not None else []
        first = last = problem.line
    else:
        first, last = max(1, problem.line - _AROUND), min(len(lines), problem.line + _AROUND)
    if not lines:
        return []
    width = len(str(last))
    frame = []
    for number in range(first, last + 1):
        own = number == problem.line
        text, column = _clip(lines[number - 1], problem.column if own else None)
        frame.append(f"{'>' if own else ' '} {number:>{width}} │ {text}".rstrip())
        if own and column is not None:
            frame.append(f"  {'':>{width}} │ {' ' * (column - 1)}^")
    return frame


def render_problem(project: Path | None, problem: Problem) -> str:
    """`problem` as text: its place and message, its code frame, indented by two columns, and its way out."""
    way_out = [] if problem.hint is None else [f"  → {problem.hint}"]
    return "\n".join([str(problem), *(f"  {line}" for line in code_frame(project, problem)), *way_out])


def render_problems(project: Path | None, problems: Sequence[Problem], *, limit: int = 20) -> str:
    """All `problems` as text, at most `limit` of them, with an empty line between."""
    shown = [render_problem(project, problem) for problem in problems[:limit]]
    if len(problems) > limit:
        shown.append(f"… and {len(problems) - limit} more.")
    return "\n\n".join(shown)
