"""One unpacked bundle on disk: its folders, its index of hashes, and the check that nothing has changed since it was unpacked.

Layout below the folder of a bundle, which is named by its content hash:

    bundle/…            every file except the pages
    bundle/.index.json  the index: size and hash of each file
    bundle/.ready       the marker, written last
    ui/…                the pages

A bundle cannot forge the index or the marker: no archive member can have a name that begins with a dot.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import msgspec
from msgspec import UNSET, Struct, UnsetType

from holdfast.bundles.archive.layout import COMPONENT, DEVELOPMENT, DEVELOPMENT_SOURCES, MANIFEST
from holdfast.bundles.archive.limits import ArchiveLimits
from holdfast.bundles.cache.manifest_statement import read_statement
from holdfast.bundles.signing.statement import Statement
from holdfast.bundles.store.hashing import IndexedFile, hash_file

READY = "bundle/.ready"
INDEX = "bundle/.index.json"
_UI, _COMPONENT, _MANIFEST = "ui/", f"bundle/{COMPONENT}", f"bundle/{MANIFEST}"
_DEVELOPMENT = f"bundle/{DEVELOPMENT}"
_BLOCK = 4_096


class _Index(Struct, frozen=True):
    """`bundle` is the archive's SHA-256 in hex, `size` the disk space of all files in bytes; `files` has paths below the folder as keys.

    `statement` is what a signature of the bundle must cover, None without a valid manifest; older entries do not have it.
    """

    bundle: str
    size: int
    files: dict[str, IndexedFile]
    statement: Statement | UnsetType | None = UNSET


class UnpackedBundle(Struct, frozen=True):
    """A bundle that is ready for use. `root` and `ui` are folders; `ui_files` has the pages below `ui` by relative path with `/`.

    `manifest` describes `manifest.json` below `root`, as it was packed; None when there is none. `statement` is made from it; UNSET when it
    is not known yet. `is_development` is true for a bundle of `holdfast dev`; `source` is then the file with the code of its handler.
    """

    root: Path
    ui: Path
    component: Path | None
    component_sha256: str | None
    manifest: IndexedFile | None
    statement: Statement | UnsetType | None
    ui_files: dict[str, IndexedFile]
    is_development: bool = False
    source: Path | None = None


def _move_pages(folder: Path, files: dict[str, IndexedFile]) -> dict[str, IndexedFile]:
    """Moves the pages from `bundle/ui` to `ui`. Returns the files by their new paths.

    A bundle packed by hand may have its built pages in `ui/dist`; then only those are pages, and the other files below `ui` are dropped.
    """
    built = "ui/dist/index.html" in files and "ui/index.html" not in files
    pages = "ui/dist/" if built else "ui/"
    if any(name.startswith(pages) for name in files):
        (folder / "bundle" / pages).rename(folder / "ui")
        if built:
            shutil.rmtree(folder / "bundle/ui")
    else:
        (folder / "ui").mkdir()
    moved = {f"bundle/{name}": entry for name, entry in files.items() if not name.startswith("ui/")}
    return moved | {f"{_UI}{name.removeprefix(pages)}": entry for name, entry in files.items() if name.startswith(pages)}


def unpack_bundle(archive: Path, folder: Path, limits: ArchiveLimits, sha256_hex: str) -> None:
    """Unpacks `archive`, which has the given SHA-256 (hex), into `folder`.

    Raises ExtractFailed, and OSError when the folder cannot be written. After an error the caller removes the folder.
    """
    from holdfast.bundles.archive.reader import unpack  # when there is something to unpack: a runner starts sooner

    files = _move_pages(folder, unpack(archive, folder / "bundle", limits))
    size = sum(_BLOCK + entry.size + -entry.size % _BLOCK for entry in files.values())
    index = msgspec.json.encode(_Index(sha256_hex, size, files, read_statement(folder / "bundle", files.get(_MANIFEST), sha256_hex)))
    # No fsync. A killed process loses nothing that it wrote. After a power failure the marker, the index and the files may be in any
    # state, and no order of writes prevents that on every file system. So the marker alone proves nothing: a new process first compares
    # the index with its own checksum and with the content hash, then every file with the index, whose hashes come from the archive and
    # not from the disk. A bundle that does not match is fetched again.
    (folder / INDEX).write_bytes(_checksum(index) + b"\n" + index)
    (folder / READY).write_bytes(b"ok")


def open_unpacked(folder: Path) -> UnpackedBundle | None:
    """The bundle in `folder`, after comparing every file with the index; None when it is missing, incomplete or changed."""
    try:
        if not (folder / READY).is_file():
            return None
        index = _read_index(folder)
        if index is None or any(_on_disk(folder / name) != entry for name, entry in index.files.items()):
            return None
    except OSError:
        return None
    component = index.files.get(_COMPONENT)
    return UnpackedBundle(
        root=folder / "bundle",
        ui=folder / "ui",
        component=None if component is None else folder / _COMPONENT,
        component_sha256=None if component is None else component.sha256,
        manifest=index.files.get(_MANIFEST),
        statement=index.statement,
        ui_files={name.removeprefix(_UI): entry for name, entry in index.files.items() if name.startswith(_UI)},
        is_development=any(name.casefold().startswith(_DEVELOPMENT) for name in index.files),
        source=next((folder / "bundle" / name for name in DEVELOPMENT_SOURCES if f"bundle/{name}" in index.files), None),
    )


def size_on_disk(folder: Path) -> int | None:
    """The disk space of the bundle in `folder`, in bytes, according to its index; None without a valid index."""
    try:
        index = _read_index(folder)
    except OSError:
        return None
    return None if index is None else index.size


def _read_index(folder: Path) -> _Index | None:
    checksum, _, written = (folder / INDEX).read_bytes().partition(b"\n")
    if checksum != _checksum(written):
        return None
    try:
        index = msgspec.json.decode(written, type=_Index)
    except msgspec.DecodeError:
        return None
    return index if index.bundle == folder.name else None


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


def _on_disk(path: Path) -> IndexedFile:
    return IndexedFile(hash_file(path), path.stat().st_size)
