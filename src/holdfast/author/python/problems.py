"""Turns a traceback of the interpreter in the component into problems that point at the author's own lines."""

from __future__ import annotations

import re
from pathlib import Path

from holdfast.author.errors import Problem

_FRAME = re.compile(r'File "(?P<file>/[^"]+)", line (?P<line>\d+)')
_ERROR = re.compile(r"(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Exit|Warning)\b")
# The interpreter repeats the error for each layer that reports it.
_REPEATED = "Caused by:"


def _source_line(path: Path, line: int) -> str | None:
    try:
        return path.read_text(errors="replace").splitlines()[line - 1]
    except (OSError, IndexError):
        return None


def _error_text(lines: list[str]) -> str:
    """The message of the error with its further lines, such as those of an ExceptionGroup or of a message with line breaks."""
    for index in range(len(lines) - 1, -1, -1):
        if _ERROR.match(lines[index]):
            return "\n".join([lines[index].strip(), *(line.strip() for line in lines[index + 1 : index + 6] if line.strip())])
    return "\n".join(line.strip() for line in lines[-8:] if line.strip())


def find_problem(project: Path, output: str) -> Problem:
    """The error at the end of the tool's output, at the innermost line of the traceback that is in the project's `src/`.

    Frames in the standard library, in packages or in the SDK do not help the author. `output` is the text of both streams.
    """
    report = output.split(_REPEATED)[0].split("Stack backtrace:")[0]
    lines = report.rstrip().splitlines()
    text = _error_text(lines)
    frames = [(match["file"].lstrip("/"), int(match["line"])) for match in _FRAME.finditer(report)]
    for file, line in reversed(frames):
        if file.startswith("src/"):
            return Problem(text, file, line, source=_source_line(project / file, line))
    return Problem(text, "src/handler.py")
