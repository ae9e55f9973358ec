"""What one part of a build depended on, and the check that nothing of it has changed.

before the build          the build                after it
known files, names ──▶ tools read files ──▶ closure of what they read ──▶ Inputs
of folders                                  a file that changed since the start counts as changed, unless its state was read before
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from holdfast.author import resources
from holdfast.author.inputs.closure import CONFIGURATIONS, close_over
from holdfast.author.inputs.folders import list_folder
from holdfast.author.inputs.state import FileState, check_state, read_state
from holdfast.author.inputs.walk import project_files

UNKNOWN = FileState("")
"""Differs from every file: what it describes is built again."""

_SDK = resources.sdk_folder("typescript").parent
_CLOCK_TICK_NS = 20_000_000
"""Times of files are as coarse as the file system's clock."""


class Inputs(Struct, frozen=True):
    """`files` by path, `folders` by path with the hash of their names, and paths that did not exist.

    Paths are those of `name_of`.
    """

    files: dict[str, FileState] = {}
    folders: dict[str, str] = {}
    absent: tuple[str, ...] = ()

    def merged(self, other: Inputs) -> Inputs:
        """The inputs of a part that depends on both."""
        return Inputs({**self.files, **other.files}, {**self.folders, **other.folders}, self.absent + other.absent)


class Before(Struct, frozen=True):
    """States read before a build started, and when it started (ns since 1970)."""

    started_ns: int
    files: dict[Path, FileState]
    folders: dict[Path, str]


def name_of(path: Path, root: Path) -> str:
    """The name of a path in a record: relative to the project, so that a copied project or workspace is recognized; the SDK's absolute."""
    return str(path) if path.is_relative_to(_SDK) else os.path.relpath(path, root)


def look_before(root: Path, known: Iterable[Path] = ()) -> Before:
    """States of the project's configuration, of files that have just changed, of the files `known`, and the names in the folders.

    After the build, nothing distinguishes what has just changed from what changed while it ran.
    """
    started = time.time_ns()
    own = project_files(root)
    # Names of a record can contain `..`; closures do not.
    paths = {Path(os.path.normpath(path)) for path in known}
    paths |= {path for path in own if path.name in CONFIGURATIONS or _has_changed_since(path, started - _CLOCK_TICK_NS)}
    folders = {root, *(path.parent for path in own)}
    states = {path: state for path in paths if (state := read_state(path)) is not None}
    return Before(started, states, {folder: list_folder(folder, root) for folder in folders})


def _state_after(path: Path, before: Before) -> FileState:
    state = before.files.get(path)
    if state is not None:
        return state
    return UNKNOWN if _has_changed_since(path, before.started_ns - _CLOCK_TICK_NS) else read_state(path) or UNKNOWN


def _has_changed_since(path: Path, since_ns: int) -> bool:
    """Whether the file has changed since a time in ns, or is gone."""
    try:
        return path.stat().st_ctime_ns > since_ns
    except OSError:
        return True


def inputs_of_bundle(root: Path, read: Mapping[Path, FileState], before: Before) -> Inputs:
    """The inputs of a bundle that was made of `read`, in the states that the bundler saw."""
    closure = close_over(root, read)
    return Inputs(
        files={name_of(path, root): read.get(path) or _state_after(path, before) for path in sorted(closure.files)},
        folders={name_of(path, root): before.folders.get(path) or list_folder(path, root) for path in sorted(closure.folders)},
        absent=tuple(sorted(name_of(path, root) for path in closure.absent)),
    )


def inputs_of_paths(root: Path, paths: Iterable[Path], before: Before) -> Inputs:
    """The inputs of a tool that reads these files, and every file that appears in these folders. Paths need not exist."""
    files: dict[str, FileState] = {}
    folders: dict[str, str] = {}
    absent: list[str] = []
    for path in sorted(paths):
        name = name_of(path, root)
        if path.is_dir():
            folders[name] = before.folders.get(path) or list_folder(path, root)
        elif path.exists() or path in before.files:
            files[name] = _state_after(path, before)
        else:
            absent.append(name)
    return Inputs(files, folders, tuple(absent))


def inputs_of_script(root: Path, before: Before) -> Inputs:
    """The inputs of a program that may read every file of the project: all files as they were before it ran."""
    return Inputs(
        files={name_of(path, root): state for path, state in sorted(before.files.items())},
        folders={name_of(folder, root): list_folder(folder, root) for folder in sorted(before.folders)},
    )


def check_inputs(root: Path, inputs: Inputs) -> Inputs | None:
    """The same inputs with newer stamps if nothing has changed; None if something has."""
    if any(list_folder(root / name, root) != listing for name, listing in inputs.folders.items()):
        return None
    if any((root / name).exists() for name in inputs.absent):
        return None
    files = check_files(root, inputs.files)
    return None if files is None else Inputs(files, inputs.folders, inputs.absent)


def check_files(root: Path, files: Mapping[str, FileState]) -> dict[str, FileState] | None:
    """The same files with newer stamps if none has changed; None if one has."""
    checked: dict[str, FileState] = {}
    for name, known in files.items():
        state = check_state(root / name, known)
        if state is None:
            return None
        checked[name] = state
    return checked


def watched_paths(root: Path, inputs: Inputs) -> frozenset[Path]:
    """The files and folders of `inputs` as absolute paths."""
    return frozenset(root / name for name in (*inputs.files, *inputs.folders, *inputs.absent))


def changed_files(root: Path, inputs: Inputs) -> list[str]:
    """The names of the files whose content differs now, or that are gone.

    Not of folders: a bundle or a report that appears next to the sources makes nothing stale.
    """
    return [name for name, known in inputs.files.items() if check_state(root / name, known) is None]
