"""A built project to a bundle: the same files always give the same bytes, whoever packs them, wherever, whenever."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from pathlib import Path
from typing import IO

import zstandard
from msgspec import Struct

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.layout import BUNDLE_NAME, COMPONENT, MANIFEST
from holdfast.bundles.archive.reader import list_entries
from holdfast.bundles.archive.sidecars import remove_signature_files
from holdfast.bundles.manifest.model import Manifest, parse_manifest
from holdfast.bundles.manifest.parsing.errors import ManifestMissing
from holdfast.bundles.store.hashing import hash_file
from holdfast.errors import HoldfastError

LEVEL = 9
"""Higher levels cost seconds for a few percent, and packing is part of every turn of the development loop."""

_SKIPPED_FOLDERS = {"node_modules", "__pycache__"}
_SOURCE_SUFFIXES = (".ts", ".tsx", ".mts", ".cts")


class PackReport(Struct, frozen=True):
    """What was packed: the bundle, its SHA-256 (lower-case hex), its size in bytes, and its files with their sizes, sorted."""

    path: Path
    sha256: str
    size_bytes: int
    files: list[tuple[str, int]]


class PackFailed(HoldfastError):
    """Raised when a project lacks what its manifest promises, or holds what a bundle may not hold."""

    code = "pack_failed"
    status = 400


def read_project_manifest(project: Path) -> Manifest:
    """The manifest of a project folder. Raises ManifestMissing, ManifestError."""
    path = project / MANIFEST
    if not path.is_file():
        raise ManifestMissing(f"{project} has no manifest.json.", hint="Run this in the folder of an extension, or name that folder.")
    return parse_manifest(path.read_bytes())


def _ui_folder(project: Path) -> Path | None:
    """Built pages come first: `dist/ui`, then `ui/dist` when it has an index, then `ui` as it is."""
    if (project / "dist" / "ui").is_dir():
        return project / "dist" / "ui"
    if (project / "ui" / "dist" / "index.html").is_file():
        return project / "ui" / "dist"
    return project / "ui" if (project / "ui").is_dir() else None


def _ui_files(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED_FOLDERS)
        for name in [*folders, *names]:
            if (Path(parent) / name).is_symlink():
                raise PackFailed(f"{Path(parent) / name} is a link.", hint="Put the file itself there; a bundle holds regular files only.")
        for name in names:
            if not name.startswith(".") and not name.lower().endswith(_SOURCE_SUFFIXES):
                path = Path(parent) / name
                files[f"ui/{path.relative_to(folder).as_posix()}"] = path
    return files


def _component(project: Path) -> Path | None:
    return next((path for path in (project / COMPONENT, project / "dist" / "component.wasm") if path.is_file()), None)


def collect(project: Path) -> dict[str, Path]:
    """The files of a bundle of `project`: name in the bundle to file. Raises PackFailed, ManifestMissing, ManifestError."""
    manifest = read_project_manifest(project)
    files = {MANIFEST: project / MANIFEST}
    folder = _ui_folder(project)
    if folder is not None:
        files |= _ui_files(folder)
    component = _component(project)
    if component is not None:
        files[COMPONENT] = component
    elif manifest.needs_component:
        raise PackFailed("The manifest declares endpoints or an entry, but there is no dist/main.wasm.", hint="Run `holdfast build` first.")
    if manifest.ui is not None and not {manifest.ui.entry, "ui/index.html"} & files.keys():
        raise PackFailed(
            f"The manifest's ui.entry is {manifest.ui.entry}, but there is no such page.",
            hint="Build the pages, or put them into ui/ (or dist/ui/).",
        )
    if manifest.icon is not None and manifest.icon not in files:
        icon = project / manifest.icon
        if icon.is_symlink() or not icon.is_file() or not icon.resolve().is_relative_to(project.resolve()):
            raise PackFailed(f"The manifest's icon is {manifest.icon}, but there is no such file.", hint="Correct `icon` in manifest.json.")
        files[manifest.icon] = icon
    return dict(sorted(files.items()))


def _write_archive(files: dict[str, Path], out: IO[bytes]) -> None:
    with (
        zstandard.ZstdCompressor(level=LEVEL, write_checksum=True, threads=0).stream_writer(out, closefd=False) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, path in files.items():
            # The bytes are read before the header is written: a file that grows meanwhile must not break the archive.
            content = path.read_bytes()
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), 0o644, 0
            tar.addfile(member, io.BytesIO(content))


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def pack(project: Path, out: Path | None = None) -> PackReport:
    """Packs `project` to `out` (default `<project>/dist/bundle.tar.zst`) and writes the hash beside it: `bundle.sha256`, hex and newline.

    What is written was read back and checked, so a bundle that the runner would refuse is refused here. An existing bundle is replaced
    in one step; its signature is removed unless the new one has the same bytes. Raises PackFailed, ManifestMissing, ManifestError.
    """
    files = collect(project)
    target = out or project / "dist" / BUNDLE_NAME
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial_name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    partial = Path(partial_name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write_archive(files, file)
        try:
            packed = list_entries(partial)
        except ExtractFailed as error:
            raise PackFailed(f"This project cannot be a bundle: {error.message}", hint="Rename or remove what the message names.") from None
        digest, size = hash_file(partial), partial.stat().st_size
        partial.chmod(0o644)
        if not target.is_file() or hash_file(target) != digest:
            # Left there, it would be a signature for another bundle, which nobody takes.
            remove_signature_files(target)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    sidecar = target.with_name("bundle.sha256" if target.name == BUNDLE_NAME else f"{target.name}.sha256")
    _replace(sidecar, f"{digest}\n".encode())
    return PackReport(target, digest, size, packed)
