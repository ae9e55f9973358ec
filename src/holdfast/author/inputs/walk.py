"""All files of a project, for builds whose tools do not say what they read: the project's own build script, and failed builds.

Left out: `node_modules` and hidden folders everywhere, `dist` and `ui/dist` in the root. Every other folder counts, whatever its name.
Packages that `node_modules` only links to (npm workspaces) count as part of the project.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_MAX_FILES = 20_000
_NEVER = {"node_modules", "__pycache__"}


def _files(folder: Path, skipped: frozenset[Path]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in {"node_modules", "__pycache__"} and here / name not in skipped
        )
        yield from (here / name for name in sorted(names))


def linked_packages(root: Path) -> list[Path]:
    """The folders outside of any `node_modules` that the `node_modules` of `root` and of the folders above it link to."""
    found: dict[Path, None] = {}
    for folder in (root, *root.parents):
        modules = folder / "node_modules"
        if not modules.is_dir():
            continue
        for entry in [*modules.iterdir(), *(package for scope in modules.glob("@*") if scope.is_dir() for package in scope.iterdir())]:
            if entry.is_symlink() and (real := entry.resolve()).is_dir() and "node_modules" not in real.parts:
                found[real] = None
    return list(found)


def project_files(root: Path) -> list[Path]:
    """The files of the project in `root` and of the packages that it links to, at most 20,000."""
    skipped = frozenset({root / "dist", root / "ui" / "dist"})
    found: dict[Path, None] = {}
    for folder in (root, *linked_packages(root)):
        for path in _files(folder, skipped):
            found[path] = None
            if len(found) >= _MAX_FILES:
                return list(found)
    return list(found)
