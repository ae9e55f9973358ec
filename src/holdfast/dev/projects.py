"""The projects of one run: the short name of each in the terminal, and its full name, which a save can change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from holdfast.bundles.archive.packing import read_project_manifest
from holdfast.bundles.manifest.parsing.errors import ManifestError
from holdfast.errors import HoldfastError
from holdfast.registry.models.ids import DEFAULT_PUBLISHER, slug


class ProjectNamedTwice(HoldfastError):
    """Raised when two folders are the same extension."""

    code = "project_named_twice"
    status = 400


class NamedProject(Struct, frozen=True):
    """A project folder. `name` is its folder's, or where that is not unique its full name, or its path.

    `full_name` is `publisher.name` when the session began; None if the manifest was invalid.
    """

    root: Path
    name: str
    full_name: str | None


class FullNames:
    """The full names of the projects of one run, each used by one project."""

    def __init__(self, projects: Sequence[NamedProject]) -> None:
        self._names = {project.root: project.full_name.lower() for project in projects if project.full_name is not None}

    def claim(self, root: Path, full_name: str) -> None:
        """The project has this name from now on. Raises ProjectNamedTwice when another one has it."""
        for other, name in self._names.items():
            if other != root and name == full_name.lower():
                raise _named_twice(full_name, [other, root])
        self._names[root] = full_name.lower()


def read_full_name(root: Path) -> str:
    """The full name in the manifest of a project. Raises ManifestMissing, ManifestError."""
    manifest = read_project_manifest(root)
    return slug(manifest.publisher or DEFAULT_PUBLISHER, manifest.name)


def read_projects(folders: Sequence[Path]) -> list[NamedProject]:
    """The projects in these folders. An invalid manifest is no reason not to watch one. Raises ManifestMissing, ProjectNamedTwice."""
    found = [(folder.resolve(), _full_name_or_none(folder)) for folder in folders]
    short = Counter(root.name for root, _ in found)
    projects = [NamedProject(root, root.name if short[root.name] == 1 else full_name or str(root), full_name) for root, full_name in found]
    known = Counter(project.full_name for project in projects if project.full_name is not None)
    for full_name, count in known.most_common(1):
        if count > 1:
            raise _named_twice(full_name, [project.root for project in projects if project.full_name == full_name])
    return projects


def _full_name_or_none(folder: Path) -> str | None:
    try:
        return read_full_name(folder)
    except ManifestError:
        return None


def _named_twice(full_name: str, roots: Sequence[Path]) -> ProjectNamedTwice:
    return ProjectNamedTwice(f"{' and '.join(map(str, roots))} are the same extension, {full_name}.", hint="Name each extension once.")
