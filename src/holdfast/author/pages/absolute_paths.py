"""Finds scripts, styles and images that a page loads from the root of the host, as Vite builds them by default."""

from __future__ import annotations

import re
from pathlib import Path

from holdfast.author.code_frame import Problem
from holdfast.bundles.archive.packing import page_files, page_folder

_REFERENCE = re.compile(r"""<(?:script|link|img)\b[^>]*?\b(?:src|href)=["']?(/(?!/)[^"'\s>?#]+)""", re.IGNORECASE)


def find_absolute_paths(project: Path) -> tuple[Problem, ...]:
    """A warning for each page that refers to a file of the extension by a path from the root of the host, where it is not served."""
    folder = page_folder(project)
    if folder is None:
        return ()
    pages = [path for path in page_files(project).values() if path.suffix in {".html", ".htm"}]
    found = (_first_problem(project, folder, page) for page in pages)
    return tuple(problem for problem in found if problem is not None)


def _first_problem(project: Path, folder: Path, page: Path) -> Problem | None:
    html = page.read_text(errors="replace")
    for match in _REFERENCE.finditer(html):
        path = match[1]
        if (folder / path.lstrip("/")).is_file():
            start = html.rfind("\n", 0, match.start(1)) + 1
            return Problem(
                f"The page loads {path} from the root of the host, where the extension has no files: it will stay empty.",
                page.relative_to(project).as_posix(),
                html.count("\n", 0, start) + 1,
                match.start(1) - start + 1,
                hint=_way_out(project, path),
            )
    return None


def _way_out(project: Path, path: str) -> str:
    if [*project.glob("vite.config.*"), *project.glob("ui/vite.config.*")]:
        return "Set `base: './'` in vite.config, and build again."
    return f'Write the path without the slash at its start: "{path.lstrip("/")}".'
