"""One unpacked bundle on disk: its two folders, its index of hashes, and the check that it is still what was unpacked.

Layout below the folder of a bundle, which is named by its hash: `bundle/…` (everything but the pages), `ui/…` (the pages),
`bundle/.ready` (made last) and `bundle/.index.json`. No member of an archive can have a dot-leading name, so the last two cannot be
forged by a bundle.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import msgspec
from msgspec import Struct

from holdfast.bundles.archive.layout import COMPONENT, MANIFEST
from holdfast.bundles.archive.limits import ArchiveLimits
from holdfast.bundles.archive.reader import unpack
from holdfast.bundles.store.hashing import IndexedFile, hash_file

READY = "bundle/.ready"
INDEX = "bundle/.index.json"
_UI, _COMPONENT, _MANIFEST = "ui/", f"bundle/{COMPONENT}", f"bundle/{MANIFEST}"
_BLOCK = 4_096


class _Index(Struct, frozen=True):
    """`bundle` is the archive's SHA-256 in hex, `size` what all files take on disk, in bytes; `files` go by path below the folder."""

    bundle: str
    size: int
    files: dict[str, IndexedFile]


class UnpackedBundle(Struct, frozen=True):
    """A bundle ready to be used. `root` and `ui` are folders, `ui_files` the pages below `ui` by relative path with `/`.

    `manifest` is `manifest.json` below `root`, as it was packed; None when there is none.
    """

    root: Path
    ui: Path
    component: Path | None
    component_sha256: str | None
    manifest: IndexedFile | None
    ui_files: dict[str, IndexedFile]


def _settle_ui(folder: Path, files: dict[str, IndexedFile]) -> dict[str, IndexedFile]:
    """Moves the pages from `bundle/ui` to `ui`; the files by where they are now.

    A bundle packed by hand may have its pages in `ui/dist`; then that is the root of the pages, and what is beside it is dropped.
    """
    built = "ui/dist/index.html" in files and "ui/index.html" not in files
    pages = "ui/dist/" if built else "ui/"
    if any(name.startswith(pages) for name in files):
        (folder / "bundle" / pages).rename(folder / "ui")
        if built:
            shutil.rmtree(folder / "bundle/ui")
    else:
        (folder / "ui").mkdir()
    settled = {f"bundle/{name}": entry for name, entry in files.items() if not name.startswith("ui/")}
    return settled | {f"{_UI}{name.removeprefix(pages)}": entry for name, entry in files.items() if name.startswith(pages)}


def unpack_bundle(archive: Path, folder: Path, limits: ArchiveLimits, sha256_hex: str) -> None:
    """Makes the folder of a bundle out of its archive, whose SHA-256 is given.

    Raises ExtractFailed, and OSError when it cannot be written; what was written until then stays for the caller to remove.
    """
    files = _settle_ui(folder, unpack(archive, folder / "bundle", limits))
    size = sum(_BLOCK + entry.size + -entry.size % _BLOCK for entry in files.values())
    index = msgspec.json.encode(_Index(sha256_hex, size, files))
    # Nothing is synced to the disk: a killed process loses nothing of what it wrote, and after a loss of power the marker, the index and
    # the files may be there in any state, which no order of writing can rule out on every file system. So the marker alone is never
    # believed. A new process compares before it serves: the index with its own checksum and with the bundle it is looked for under,
    # then every file with the index, whose hashes come from the archive and not from the disk. What does not match is fetched again.
    (folder / INDEX).write_bytes(_checksum(index) + b"\n" + index)
    (folder / READY).write_bytes(b"ok")


def open_unpacked(folder: Path) -> UnpackedBundle | None:
    """The bundle in `folder`, after comparing every file with the index; None when it is not there, not complete, or was changed."""
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
        ui_files={name.removeprefix(_UI): entry for name, entry in index.files.items() if name.startswith(_UI)},
    )


def size_on_disk(folder: Path) -> int | None:
    """What the bundle in `folder` takes on disk, in bytes, as its index says; None when there is no usable one."""
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
