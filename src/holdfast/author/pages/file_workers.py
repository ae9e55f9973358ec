"""Finds workers that a page of another tool, such as Vite, starts from a file. The driver does it for the pages that Holdfast bundles."""

from __future__ import annotations

import re
from pathlib import Path

from holdfast.author.code_frame import Problem
from holdfast.author.tools.messages import explain
from holdfast.bundles.archive.packing import page_files

MAX_BYTES = 10_000_000
"""Larger files are not read: they hold data, and each build would pay for them."""
_FROM_FILE = re.compile(
    r"""\bnew\s+(?:(?:globalThis|window|self)\.)?(?:Shared)?Worker\s*\(\s*(?:new\s+URL\s*\(\s*)*(["'`])(?!blob:|data:)[^"'`\n]+\1"""
)
_TEXT = "A page cannot start a worker from a file: its frame has an opaque origin, and browsers refuse files of another origin."


def find_file_workers(project: Path) -> tuple[Problem, ...]:
    """A warning for each script of the pages that starts a worker from a file."""
    scripts = [path for path in page_files(project).values() if path.suffix in {".js", ".mjs"} and path.stat().st_size <= MAX_BYTES]
    found = (_first_problem(project, path) for path in scripts)
    return tuple(problem for problem in found if problem is not None)


def _first_problem(project: Path, path: Path) -> Problem | None:
    content = path.read_bytes()
    if b"Worker" not in content:
        return None
    text = content.decode(errors="replace")
    match = _FROM_FILE.search(text)
    if match is None:
        return None
    start = text.rfind("\n", 0, match.start()) + 1
    name = path.relative_to(project).as_posix()
    return explain(project, Problem(_TEXT, name, text.count("\n", 0, start) + 1, match.start() - start + 1))
