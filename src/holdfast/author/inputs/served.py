"""The files of the pages as they are served, and which of them a build changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from holdfast.author.inputs.state import FileState, refresh_state
from holdfast.bundles.archive.packing import page_files, page_folder


def read_served(project: Path, known: Mapping[str, FileState]) -> dict[str, FileState]:
    """The state of each file of the pages by its name in the bundle. `known` are the last ones, which save reading them again."""
    served = {}
    for name, path in page_files(project).items():
        state = refresh_state(path, known.get(name))
        if state is not None:
            served[name] = state
    return served


def changed_names(old: Mapping[str, FileState], new: Mapping[str, FileState]) -> set[str]:
    """The names of the files that were added, removed or changed."""
    return {name for name in {*old, *new} if name not in old or name not in new or old[name].sha256 != new[name].sha256}


def watched_pages(project: Path) -> frozenset[Path]:
    """The files and folders of the pages that are served as they are; nothing if they are built."""
    folder = page_folder(project)
    if folder is None or folder != project / "ui":
        return frozenset()
    files = [*page_files(project).values()]
    return frozenset({folder, *files, *(path.parent for path in files)})
