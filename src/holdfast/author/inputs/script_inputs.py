"""What the project's own build script depended on: every file of the project, less those of the handler that no process opened.

script runs, opens are watched ──▶ it wrote the pages ──▶ a file of the handler that was not opened is no input
        │                                    └── it wrote the component, or nothing ──▶ all files are inputs
        └── opens are unknown, or it read a cache, which stands for files that it did not open ──▶ all files are inputs
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from holdfast.author.inputs.opened_files import OpenedFiles
from holdfast.author.inputs.record import PartRecord
from holdfast.author.inputs.snapshot import Before, name_of

_NO_CACHES = frozenset({".bin", ".git", ".hg", ".pnpm", ".svn", ".venv"})
_TYPE_CHECK = ".tsbuildinfo"
"""What `tsc` keeps of its last run. It stands for files that were opened in that run, so the opens of that run count too."""


class ScriptWatch:
    """Watches what a script opens for the length of a `with` block: files of the project, and caches that were there before."""

    def __init__(self, root: Path, before: Before) -> None:
        self._root = root
        self._files = frozenset(before.files)
        self._caches = frozenset(_cached_files(root, self._files))
        self._opened = OpenedFiles(path.parent for path in (*self._files, *self._caches))

    def __enter__(self) -> Self:
        self._opened.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._opened.__exit__(kind, error, trace)

    def names(self, last: PartRecord | None) -> tuple[str, ...] | None:
        """The names of the files that the script opened; None if it may depend on any. `last` is its last record with the same options."""
        opened = self._opened.paths
        if opened is None or any(path.suffix != _TYPE_CHECK for path in opened & self._caches):
            return None
        names = {name_of(path, self._root) for path in opened & self._files}
        if any(path.suffix == _TYPE_CHECK for path in opened & (self._caches | self._files)):
            if last is None or last.opened is None:
                return None
            names |= set(last.opened)
        return tuple(sorted(names))


def without_handler_files(script: PartRecord, component: PartRecord) -> PartRecord:
    """The record of a script that wrote the pages only: without the files of the component that it did not open."""
    if script.opened is None:
        return script
    others = component.inputs.files.keys() - set(script.opened)
    files = {name: state for name, state in script.inputs.files.items() if name not in others}
    return replace(script, inputs=replace(script.inputs, files=files))


def _cached_files(root: Path, files: frozenset[Path]) -> Iterator[Path]:
    """The files in hidden folders, where tools keep what they know from earlier runs: beside the files of the project, in the folders of
    packages, and in the workspace above."""
    above = [folder for folder in root.parents if (folder / "package.json").is_file()]
    own = {root, *above, *(path.parent for path in files)}
    modules = {folder / "node_modules" for folder in (*own, *root.parents)}
    for folder in own | modules:
        if not folder.is_dir():
            continue
        for hidden in folder.iterdir():
            if hidden.name.startswith(".") and hidden.name not in _NO_CACHES and hidden.is_dir():
                for parent, _, names in os.walk(hidden):
                    yield from (Path(parent, name) for name in names)
