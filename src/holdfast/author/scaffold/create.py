"""Writes a new project: the files of its template, the SDK, a Git repository. Never overwrites a file.

folder checked ──▶ .NAME-<random>/ next to it ──every file written──▶ renamed to the folder, or its files moved into an empty one
An error or an interrupt removes the temporary folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

from msgspec import Struct

from holdfast.author import resources
from holdfast.author.scaffold.errors import ScaffoldError
from holdfast.author.scaffold.names import ProjectNames
from holdfast.author.scaffold.sdk_package import SdkPackage, build_sdk_package
from holdfast.author.scaffold.templates import Template
from holdfast.author.tools.toolchain import Progress, Toolchain, no_progress
from holdfast.concurrency.workspaces import staging_folder

_ALLOWED = {".git"}
"""What an existing folder may hold: a repository that was just created."""


class Placeholders(Struct, frozen=True):
    """What the files of a template contain in place of names. Only the values with free text need escaping."""

    names: ProjectNames
    package: SdkPackage

    def fill(self, name: str, text: str) -> str:
        """The text of the file `name` with every placeholder replaced."""
        publisher = json.dumps(self.names.publisher)[1:-1] if name.endswith(".json") else self.names.publisher
        values = {
            "__PACKAGE__": self.names.package,
            "__EXTENSION__": self.names.extension,
            "__PUBLISHER__": publisher,
            "__TITLE__": self.names.title,
            "__SDK_VERSION__": self.package.version,
            "__SDK_INTEGRITY__": self.package.integrity,
        }
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        return text


def check_folder(folder: Path) -> None:
    """Raises ScaffoldError (`folder_not_empty`, `folder_unusable`) unless a project can be written to `folder` without touching a file."""
    if folder.is_symlink() and not folder.exists():
        raise ScaffoldError("folder_unusable", f"{folder} is a link that leads nowhere.", hint="Remove it, or choose another name.")
    if folder.exists() and not folder.is_dir():
        raise ScaffoldError("folder_not_empty", f"{folder} exists and is a file.", hint="Choose another name, or remove the file.")
    if folder.is_dir() and {path.name for path in folder.iterdir()} - _ALLOWED:
        raise ScaffoldError(
            "folder_not_empty", f"The folder {folder} exists and is not empty.", hint="Choose another name, or an empty folder."
        )


async def create_project(names: ProjectNames, template: Template, toolchain: Toolchain, progress: Progress = no_progress) -> list[str]:
    """Writes the project to `names.folder` and returns its files, sorted. Raises ScaffoldError, BuildToolError."""
    check_folder(names.folder)
    await toolchain.ensure(progress)
    package = await build_sdk_package(toolchain)
    try:
        return await asyncio.to_thread(_write, names, template, package)
    except OSError as error:
        raise ScaffoldError(
            "folder_unusable", f"{names.folder} cannot be written: {error.strerror}.", hint="Choose a folder that you may write to."
        ) from None


def _write(names: ProjectNames, template: Template, package: SdkPackage) -> list[str]:
    folder = names.folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with staging_folder(folder.parent) as staging:
        placeholders = Placeholders(names, package)
        for name, source in template.files().items():
            target = staging / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(placeholders.fill(name, source.read_text()))
        _write_sdks(staging / "sdk", template, package)
        files = sorted(path.relative_to(staging).as_posix() for path in staging.rglob("*") if path.is_file())
        _publish(staging, folder)
        return files


def _write_sdks(folder: Path, template: Template, package: SdkPackage) -> None:
    folder.mkdir()
    shutil.copyfile(package.path, folder / package.path.name)
    if template.has_python:
        source = resources.sdk_folder("python") / "holdfast_sdk"
        shutil.copytree(source, folder / "holdfast_sdk", ignore=shutil.ignore_patterns("__pycache__"))


def _publish(staging: Path, folder: Path) -> None:
    # A staging folder is private; a project is an ordinary one.
    umask = os.umask(0)
    os.umask(umask)
    staging.chmod(0o777 & ~umask)
    check_folder(folder)
    if not folder.exists():
        staging.rename(folder)
        return
    for path in sorted(staging.iterdir()):
        path.rename(folder / path.name)
