"""The projects of one run, and the short name of each in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from holdfast.bundles.archive.packing import read_project_manifest
from holdfast.bundles.manifest.model import Manifest
from holdfast.errors import HoldfastError
from holdfast.registry.models.ids import DEFAULT_PUBLISHER, slug


class ProjectNamedTwice(HoldfastError):
    """Raised when two folders are the same extension."""

    code = "project_named_twice"
    status = 400


class NamedProject(Struct, frozen=True):
    """A project folder. `name` is its folder's, or its full name where that is not unique; `full_name` is `publisher.name`."""

    root: Path
    name: str
    full_name: str
    manifest: Manifest


def read_projects(folders: Sequence[Path]) -> list[NamedProject]:
    """The projects in these folders. Raises ManifestMissing, ManifestError, ProjectNamedTwice."""
    found = [(folder.resolve(), read_project_manifest(folder)) for folder in folders]
    short = Counter(root.name for root, _ in found)
    projects = []
    for root, manifest in found:
        full_name = slug(manifest.publisher or DEFAULT_PUBLISHER, manifest.name)
        projects.append(NamedProject(root, root.name if short[root.name] == 1 else full_name, full_name, manifest))
    (full_name, count), *_ = Counter(project.full_name for project in projects).most_common(1)
    if count > 1:
        roots = " and ".join(str(project.root) for project in projects if project.full_name == full_name)
        raise ProjectNamedTwice(f"{roots} are the same extension, {full_name}.", hint="Name each extension once.")
    return projects
