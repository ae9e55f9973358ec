"""From what was named on the command line to a bundle: a folder is built and packed, a bundle is taken as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from holdfast.author.build import build
from holdfast.author.toolchain import Toolchain
from holdfast.bundles.archive.packing import pack, read_project_manifest
from holdfast.errors import HoldfastError

BUNDLE_SUFFIXES = (".tar.zst", ".zst")
_WHAT_TO_NAME = "Name the folder of an extension (it holds manifest.json) or a .tar.zst bundle."

Progress = Callable[[str], None]


class NothingToInstall(HoldfastError):
    """What was named is neither a folder of an extension nor a bundle."""

    code = "nothing_to_install"
    status = 400


def check_source(source: Path) -> bool:
    """Whether the source is a project folder; else it is a bundle. Raises NothingToInstall, ManifestMissing, ManifestError."""
    if source.is_dir():
        read_project_manifest(source)
        return True
    if not source.exists():
        raise NothingToInstall(f"There is no {source}.", hint=_WHAT_TO_NAME)
    if not source.name.endswith(BUNDLE_SUFFIXES):
        raise NothingToInstall(f"{source} is not a bundle.", hint=_WHAT_TO_NAME)
    return False


async def bundle_of(source: Path, progress: Progress) -> Path:
    """The bundle itself, or that of a folder, built and packed now. Each step is told to `progress`.

    Raises NothingToInstall and whatever building and packing refuse.
    """
    if not await asyncio.to_thread(check_source, source):
        return source
    await build(source, toolchain=Toolchain(), progress=progress)
    return (await asyncio.to_thread(pack, source)).path


def naming(source: Path, progress: Progress) -> Progress:
    """Several sources are worked on at once: each step says whose it is."""
    name = source.absolute().name
    return lambda step: progress(f"{name}: {step[:1].lower()}{step[1:]}")
