"""The files of a Python project that go into its component: everything below `src/` except pages, hidden files and caches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from holdfast.author.errors import BuildFailed
from holdfast.author.project import Project

MAX_BYTES = 32 * 2**20
_SKIPPED_FOLDERS = {"__pycache__", "node_modules"}
_COMPILED_SUFFIXES = (".pyc", ".so", ".pyd", ".dylib")


def walk(root: Path, *, skip: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """The files below `root` that a component can use, in the order of their paths. Links to folders are followed, each folder once."""
    seen: set[str] = set()
    for parent, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(n for n in folders if n not in _SKIPPED_FOLDERS and not n.startswith(".") and Path(parent, n) not in skip)
        for name in sorted(names):
            if not name.startswith(".") and not name.endswith(_COMPILED_SUFFIXES):
                yield Path(parent, name)


def _page_folders(project: Project) -> frozenset[Path]:
    """Folders below `src/` that belong to the page: a change there must not build the component again."""
    return frozenset({project.root / "src" / "ui"})


def source_files(project: Project) -> list[Path]:
    """The files below `src/` of the component. Raises BuildFailed when they are too large together."""
    files = [path for path in walk(project.root / "src", skip=_page_folders(project)) if path.is_file()]
    total = sum(path.stat().st_size for path in files)
    if total > MAX_BYTES:
        largest = max(files, key=lambda path: path.stat().st_size)
        raise BuildFailed(
            f"The files below src/ have {total // 2**20} MiB together; a component takes at most {MAX_BYTES // 2**20}.",
            hint=f"Move what the handler does not read out of src/. The largest file is {largest.relative_to(project.root)}.",
        )
    return files


def project_inputs(project: Project) -> frozenset[Path]:
    """What the component depends on: its files, and the folders in which a new file would be one.

    Every file below `src/` and `vendor/` is inside the component, imported or not, so this list is exact.
    """
    found: set[Path] = set()
    for root in (project.root / "src", project.root / "vendor"):
        # Also when it does not exist yet: its creation matters.
        found.add(root)
        for path in walk(root, skip=_page_folders(project)):
            found |= {path, path.parent}
    found.add(project.root / "requirements.txt")
    return frozenset(found)
