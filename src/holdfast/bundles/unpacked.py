"""One unpacked bundle on disk: its two folders, its index of hashes, and the check that it is still what was unpacked.

Layout below the folder of a bundle: `bundle/…` (everything but the pages), `ui/…` (the pages), `bundle/.ready` (made last) and
`bundle/.index.json`. No member of an archive can have a dot-leading name, so the last two cannot be forged by a bundle.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
from msgspec import Struct

from holdfast.bundles.archive import COMPONENT, ArchiveLimits, unpack
from holdfast.bundles.hashing import hash_file

READY = "bundle/.ready"
_INDEX = "bundle/.index.json"


class IndexedFile(Struct, frozen=True):
    """The SHA-256 (hex) and size in bytes of one file."""

    sha256: str
    size: int


class _Index(Struct, frozen=True):
    ui: dict[str, IndexedFile]
    component: IndexedFile | None


class UnpackedBundle(Struct, frozen=True):
    """A bundle ready to be used. `root` and `ui` are folders, `ui_files` the pages below `ui` by relative path with `/`."""

    root: Path
    ui: Path
    component: Path | None
    component_sha256: str | None
    ui_files: dict[str, IndexedFile]


def _index_of(path: Path) -> IndexedFile:
    return IndexedFile(hash_file(path), path.stat().st_size)


def _settle_ui(folder: Path) -> None:
    """Moves the pages from `bundle/ui` to `ui`. A bundle packed by hand may have them in `ui/dist`; then that is the root of the pages."""
    packed, ui = folder / "bundle" / "ui", folder / "ui"
    if (packed / "dist" / "index.html").is_file() and not (packed / "index.html").exists():
        (packed / "dist").rename(ui)
        shutil.rmtree(packed)
    elif packed.is_dir():
        packed.rename(ui)
    else:
        ui.mkdir()


def unpack_bundle(archive: Path, folder: Path, limits: ArchiveLimits) -> None:
    """Makes the folder of a bundle out of its archive. Raises ExtractFailed; what was written until then stays for the caller to remove."""
    unpack(archive, folder / "bundle", limits)
    _settle_ui(folder)
    ui = folder / "ui"
    component = folder / "bundle" / COMPONENT
    index = _Index(
        ui={path.relative_to(ui).as_posix(): _index_of(path) for path in sorted(ui.rglob("*")) if path.is_file()},
        component=_index_of(component) if component.is_file() else None,
    )
    (folder / _INDEX).write_bytes(msgspec.json.encode(index))
    (folder / READY).write_bytes(b"ok")


def open_unpacked(folder: Path) -> UnpackedBundle | None:
    """The bundle in `folder`, after comparing every file with the index; None when it is not there, not complete, or was changed."""
    try:
        if not (folder / READY).is_file():
            return None
        index = msgspec.json.decode((folder / _INDEX).read_bytes(), type=_Index)
        ui, component = folder / "ui", folder / "bundle" / COMPONENT
        expected = {ui / name: entry for name, entry in index.ui.items()}
        if index.component is not None:
            expected[component] = index.component
        if any(_index_of(path) != entry for path, entry in expected.items()):
            return None
    except (OSError, msgspec.DecodeError):
        return None
    return UnpackedBundle(
        root=folder / "bundle",
        ui=ui,
        component=component if index.component is not None else None,
        component_sha256=index.component.sha256 if index.component is not None else None,
        ui_files=index.ui,
    )
