"""Packs a built project into a bundle. The same files always produce the same bytes, on every machine and at any time."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec
import zstandard
from msgspec import Struct

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.layout import BUILD_RECORD, BUNDLE_NAME, COMPONENT, DEVELOPMENT_SOURCES, MANIFEST
from holdfast.bundles.archive.pack_record import PackRecord, facts_of, hash_sources, hash_text, read_record, write_record
from holdfast.bundles.archive.reader import list_entries
from holdfast.bundles.archive.sidecars import remove_signature_files
from holdfast.bundles.manifest.facts import ManifestFacts, rules_key
from holdfast.bundles.manifest.parsing.errors import ManifestMissing
from holdfast.bundles.store.hashing import hash_file
from holdfast.concurrency.workspaces import staging_folder
from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from holdfast.bundles.manifest.model import Manifest

LEVEL = 9
"""Higher levels save a few percent and cost seconds."""
DEVELOPMENT_LEVEL = 1
"""For bundles that live until the next save."""

SIDECAR_NAME = "bundle.sha256"

_DEVELOPMENT_IMPORT = b"holdfast:development/source"

_SKIPPED_FOLDERS = {"node_modules", "__pycache__"}
_SOURCE_SUFFIXES = (".ts", ".tsx", ".mts", ".cts")


class PackReport(Struct, frozen=True):
    """The result of packing: the bundle, its SHA-256 (lower-case hex), its size in bytes, and its files with their sizes, sorted.

    `sidecar` is the file with the hash, next to the bundle.
    """

    path: Path
    sidecar: Path
    sha256: str
    size_bytes: int
    files: list[tuple[str, int]]


class PackFailed(HoldfastError):
    """Raised when a project lacks a file that its manifest declares, or contains something that bundles must not contain."""

    code = "pack_failed"
    status = 400


def read_project_manifest(project: Path) -> Manifest:
    """The manifest of a project folder. Raises ManifestMissing, ManifestError."""
    # Imported here: packing what was packed before does not need the model.
    from holdfast.bundles.manifest.model import parse_manifest

    return parse_manifest(_manifest_text(project))


def read_manifest_facts(project: Path) -> ManifestFacts:
    """What packing needs to know of the manifest of a project folder, which is valid. Raises ManifestMissing, ManifestError."""
    return facts_of(project, _manifest_text(project))


def _manifest_text(project: Path) -> bytes:
    path = project / MANIFEST
    if not path.is_file():
        raise ManifestMissing(f"{project} has no manifest.json.", hint="Run the command in an extension's folder, or pass that folder.")
    return path.read_bytes()


def page_folder(project: Path) -> Path | None:
    """Built pages win: `dist/ui`, then `ui/dist` if it has an index, then `ui` unchanged."""
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
                raise PackFailed(f"{Path(parent) / name} is a link.", hint="Replace it by the file: a bundle contains regular files only.")
        for name in names:
            if not name.startswith(".") and not name.lower().endswith(_SOURCE_SUFFIXES):
                path = Path(parent) / name
                files[f"ui/{path.relative_to(folder).as_posix()}"] = path
    return files


def page_files(project: Path) -> dict[str, Path]:
    """The files of the pages of `project`, by their names in the bundle. Raises PackFailed."""
    folder = page_folder(project)
    return {} if folder is None else _ui_files(folder)


def _component(project: Path) -> Path | None:
    return next((path for path in (project / COMPONENT, project / "dist" / "component.wasm") if path.is_file()), None)


def _development_files(project: Path) -> dict[str, Path]:
    """What a build for development put into `dist/development`: the component and the code that it reads."""
    folder = project / "dist"
    found = {name: folder / name for name in DEVELOPMENT_SOURCES if (folder / name).is_file()}
    component = folder / "development" / "main.wasm"
    return {**found, COMPONENT: component} if found and component.is_file() else {}


def _require_complete(component: Path) -> None:
    """Raises PackFailed for a development component, which has no handler in it."""
    if _DEVELOPMENT_IMPORT in component.read_bytes():
        raise PackFailed(
            f"{component.name} is the development component: it reads its handler from `holdfast dev`.", hint="Run `holdfast build` first."
        )


class _LastBuild(Struct, frozen=True):
    failed: str | None = None


def _require_success(project: Path) -> None:
    """Raises PackFailed when the last build failed: what is in `dist` is then older than the sources."""
    try:
        last = msgspec.json.decode((project / BUILD_RECORD).read_bytes(), type=_LastBuild)
    except (OSError, msgspec.MsgspecError):
        return  # another tool has built the project
    if last.failed is not None:
        raise PackFailed(
            f"The last build failed: {last.failed} The files in dist are those of an earlier build.",
            hint="Run `holdfast build`, and correct what it reports.",
        )


def _require_entry(project: Path, entry: str, files: Mapping[str, Path]) -> None:
    """Raises PackFailed unless the page `entry` is in the bundle, with the same letters; built pages may be named by their folder."""
    folder = page_folder(project)
    built = "" if folder is None else f"{folder.relative_to(project).as_posix()}/"
    if entry in files or (built and entry.startswith(built) and f"ui/{entry.removeprefix(built)}" in files):
        return
    similar = next((name for name in files if name.casefold() == entry.casefold()), None)
    if similar is not None:
        raise PackFailed(
            f"manifest.json sets ui.entry to {entry}, but the file is {similar}.", hint="Write it the same way: upper and lower case count."
        )
    pages = [name for name in files if name.endswith(".html")]
    raise PackFailed(
        f"manifest.json sets ui.entry to {entry}, but the project has no such page.",
        hint=f"Set it to {pages[0]}." if len(pages) == 1 else "Run `holdfast build`, or put the page into ui/ (or dist/ui/).",
    )


def collect_files(project: Path, *, development: bool = False) -> dict[str, Path]:
    """The files of the bundle of `project`, by their names in the bundle. Raises PackFailed, ManifestMissing, ManifestError.

    With `development`, the component is the one of the last build for development, if there is one.
    """
    manifest = read_manifest_facts(project)
    files = {MANIFEST: project / MANIFEST, **page_files(project)}
    component = _component(project)
    if development and (found := _development_files(project)):
        files |= found
    else:
        _require_success(project)
        if component is not None:
            _require_complete(component)
            files[COMPONENT] = component
        elif manifest.needs_component:
            raise PackFailed(
                "manifest.json declares endpoints or an entry, but dist/main.wasm is missing.", hint="Run `holdfast build` first."
            )
    if manifest.ui_entry is not None:
        _require_entry(project, manifest.ui_entry, files)
    if manifest.icon is not None and manifest.icon not in files:
        icon = project / manifest.icon
        if icon.is_symlink() or not icon.is_file() or not icon.resolve().is_relative_to(project.resolve()):
            raise PackFailed(
                f"manifest.json sets icon to {manifest.icon}, but there is no such file.", hint="Correct `icon` in manifest.json."
            )
        files[manifest.icon] = icon
    return dict(sorted(files.items()))


def _write_archive(files: dict[str, Path], out: IO[bytes], level: int) -> None:
    with (
        zstandard.ZstdCompressor(level=level, write_checksum=True, threads=0).stream_writer(out, closefd=False) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, path in files.items():
            # Read the content before writing the header, so that a file that grows meanwhile cannot break the archive.
            content = path.read_bytes()
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), 0o644, 0
            tar.addfile(member, io.BytesIO(content))


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def pack(project: Path, out: Path | None = None, *, development: bool = False) -> PackReport:
    """Packs `project` to `out` (default `<project>/dist/bundle.tar.zst`), and writes its hash to `bundle.sha256` next to it.

    With `development`, the bundle is for `holdfast dev` (default `<project>/dist/development/bundle.tar.zst`): see `collect_files`.
    The archive is read back and validated, so an archive that the runner would reject is rejected here. An existing bundle is replaced
    in one step; its signature is removed unless the bytes are the same. Raises PackFailed, ManifestMissing, ManifestError.
    """
    files = collect_files(project, development=development)
    target = out or (project / "dist" / "development" / BUNDLE_NAME if development else project / "dist" / BUNDLE_NAME)
    # What is packed at every save is not packed twice.
    sources = hash_sources(files) if target == project / "dist" / BUNDLE_NAME else None
    if sources is not None and (same := _packed_before(project, target, sources)) is not None:
        return same
    target.parent.mkdir(parents=True, exist_ok=True)
    with staging_folder(target.parent) as folder:
        partial = folder / target.name
        with partial.open("wb") as file:
            _write_archive(files, file, DEVELOPMENT_LEVEL if development else LEVEL)
        try:
            packed = list_entries(partial)
        except ExtractFailed as error:
            raise PackFailed(f"The project cannot be packed: {error.message}", hint="Rename or remove that file.") from None
        digest, size = hash_file(partial), partial.stat().st_size
        partial.chmod(0o644)
        if not target.is_file() or hash_file(target) != digest:
            # The old signature would not match the new bundle, and Holdfast rejects a signature that does not match.
            remove_signature_files(target)
        partial.replace(target)
    sidecar = target.with_name(SIDECAR_NAME if target.name == BUNDLE_NAME else f"{target.name}.sha256")
    _replace(sidecar, f"{digest}\n".encode())
    if sources is not None:
        _record(project, files, sources, PackReport(target, sidecar, digest, size, packed))
    return PackReport(target, sidecar, digest, size, packed)


def _packed_before(project: Path, target: Path, sources: dict[str, str]) -> PackReport | None:
    """The bundle that was packed from the same files, if it is still there."""
    record, sidecar = read_record(project), target.with_name(SIDECAR_NAME)
    if record is None or record.sources != sources or not target.is_file() or hash_file(target) != record.sha256:
        return None
    _replace(sidecar, f"{record.sha256}\n".encode())
    return PackReport(target, sidecar, record.sha256, record.size_bytes, record.files)


def _record(project: Path, files: dict[str, Path], sources: dict[str, str], report: PackReport) -> None:
    # Without a record, the next time packs again.
    with suppress(OSError):
        text = files[MANIFEST].read_bytes()
        # A file that changed while it was packed is not what the bundle was made from.
        if hash_text(text) != sources[MANIFEST] or hash_sources(files) != sources:
            return
        write_record(
            project,
            PackRecord(
                rules=rules_key(),
                manifest=sources[MANIFEST],
                facts=facts_of(project, text),
                sha256=report.sha256,
                size_bytes=report.size_bytes,
                sources=sources,
                files=report.files,
            ),
        )
