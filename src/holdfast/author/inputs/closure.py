"""From the files that a bundler read to everything that decided which files it read.

- `package.json` and `tsconfig.json` of every folder above a file, present or not yet, and the files that a tsconfig extends
- the names in the folders between a file and the root of its project or package: a new `x.ts` wins over `x/index.ts`
- the names in every `node_modules` above a file, and where its links lead
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from holdfast.author.inputs.walk import project_files

CONFIGURATIONS = ("package.json", "tsconfig.json", "jsconfig.json")
_EXTENDS = re.compile(r'"extends"\s*:\s*(\[[^\]]*\]|"[^"]*")')
_PATHS = re.compile(r'"(?:paths|baseUrl|rootDirs)"\s*:')


class Closure(Struct, frozen=True):
    """`files` exist, `absent` do not; `folders` are those whose names matter. Absolute paths."""

    files: frozenset[Path]
    absent: frozenset[Path]
    folders: frozenset[Path]


def _extended(config: Path) -> list[Path]:
    """The files that `config` extends, and where they would be found in other places."""
    try:
        match = _EXTENDS.search(config.read_text(errors="replace"))
    except OSError:
        return []
    found = []
    for name in re.findall(r'"([^"]+)"', match[1]) if match else []:
        bases = [config.parent] if name.startswith((".", "/")) else [folder / "node_modules" for folder in config.parents]
        found += [base / f"{name}{ending}" for base in bases for ending in ("", ".json", "/tsconfig.json")]
    return found


def _has_paths(config: Path) -> bool:
    try:
        return _PATHS.search(config.read_text(errors="replace")) is not None
    except OSError:
        return False


def _configuration_files(folders: Iterable[Path]) -> set[Path]:
    found = {folder / name for folder in folders for name in CONFIGURATIONS if name == "package.json" or "node_modules" not in folder.parts}
    todo = [path for path in found if path.name != "package.json" and path.is_file()]
    while todo:
        new = [path for path in _extended(todo.pop()) if path not in found]
        found |= set(new)
        todo += [path for path in new if path.is_file()]
    return found


def _all_folders(root: Path) -> set[Path]:
    """Every source folder of the project: where `paths` of a tsconfig can lead."""
    return {root} | {path.parent for path in project_files(root)}


def _up_to_root(folder: Path, root: Path) -> list[Path]:
    """`folder` and those above it, up to the root of its package, which for the project's own folders is `root`."""
    own = folder.is_relative_to(root) and "node_modules" not in folder.relative_to(root).parts
    found = []
    for parent in (folder, *folder.parents):
        found.append(parent)
        if parent == root if own else (parent / "package.json").is_file():
            return found
    return [folder]


def close_over(root: Path, files: Iterable[Path]) -> Closure:
    """Everything that decided how the project in `root` was bundled from `files`."""
    inputs = set(files)
    folders = {path.parent for path in inputs}
    above = {parent for folder in folders for parent in (folder, *folder.parents)}
    listed = {parent for folder in folders for parent in _up_to_root(folder, root)}
    configurations = _configuration_files(above)
    if any(_has_paths(path) for path in configurations if path.name != "package.json"):
        listed |= _all_folders(root)
    modules = {folder / "node_modules" for folder in above if folder.name != "node_modules"}
    scopes = {scope for folder in modules if folder.is_dir() for scope in folder.glob("@*") if scope.is_dir()}
    present = {path for path in configurations if path.is_file()}
    return Closure(
        files=frozenset(inputs | present),
        absent=frozenset((configurations - present) | {folder for folder in modules if not folder.is_dir()}),
        folders=frozenset(listed | {folder for folder in modules if folder.is_dir()} | scopes),
    )
