"""Reads bundle archives (`bundle.tar.zst`): unpacks them, lists them, or reads the manifest or the component. All input is untrusted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.layout import COMPONENT, DEVELOPMENT, MANIFEST
from holdfast.bundles.archive.limits import LIMITS, ArchiveLimits
from holdfast.bundles.archive.tar import Entry, read_entries
from holdfast.bundles.archive.zstd_stream import open_expanded
from holdfast.bundles.manifest.parsing.errors import ManifestMissing
from holdfast.bundles.manifest.parsing.json_object import MANIFEST_MAX_BYTES
from holdfast.bundles.store.hashing import IndexedFile

if TYPE_CHECKING:
    from holdfast.bundles.manifest.model import Manifest


@contextmanager
def _open_entries(archive: Path, limits: ArchiveLimits) -> Iterator[Iterator[Entry]]:
    with open_expanded(archive, limits) as stream:
        yield read_entries(stream, limits)


def _write(entry: Entry, into: Path) -> IndexedFile:
    """Writes one file below `into`. Mode `x` and the normalized name ensure that no existing file or link is written to."""
    target = into / entry.name
    target.parent.mkdir(parents=True, exist_ok=True)
    computed = hashlib.sha256()
    with target.open("xb") as file:
        for chunk in entry.chunks:
            computed.update(chunk)
            file.write(chunk)
    # Read-only, because every call of the extension shares these files.
    target.chmod(0o444)
    return IndexedFile(computed.hexdigest(), entry.size)


def unpack(archive: Path, into: Path, limits: ArchiveLimits = LIMITS) -> dict[str, IndexedFile]:
    """Writes every file of `archive` below the folder `into`, which must be empty or missing.

    Returns hash and size of each file as they are in the archive, by name with `/`; the caller can compare them with the disk.

    Raises ExtractFailed when the archive is damaged, contains something invalid or is too large. The caller then removes `into`.
    """
    into.mkdir(parents=True, exist_ok=True)
    # `UsedNames` already rejects duplicates; these errors remain for file systems that also fold Unicode forms.
    try:
        with _open_entries(archive, limits) as members:
            found = {entry.name: _write(entry, into) for entry in members}
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise ExtractFailed("name_twice", "The archive contains two names that are one file on this file system.") from None
    if not found:
        raise ExtractFailed("no_files", "The archive contains no files.")
    return found


def list_entries(archive: Path, limits: ArchiveLimits = LIMITS) -> list[tuple[str, int]]:
    """The name and size in bytes of every file, in the archive's order. Reads and validates the whole archive; raises ExtractFailed."""
    with _open_entries(archive, limits) as members:
        return [(entry.name, entry.size) for entry in members]


def read_bundle_manifest(archive: Path, limits: ArchiveLimits = LIMITS, *, is_stored: bool = False) -> Manifest:
    """The manifest at the root of `archive`. Validates the whole archive too. `is_stored` is that of `parse_manifest`.

    Raises ExtractFailed, ManifestMissing when there is no manifest at the root, ManifestError when it is invalid.
    """
    return inspect_bundle(archive, limits, is_stored=is_stored)[0]


def inspect_bundle(archive: Path, limits: ArchiveLimits = LIMITS, *, is_stored: bool = False) -> tuple[Manifest, bool]:
    """The manifest, and whether the bundle is a development bundle. Raises as `read_bundle_manifest` does."""
    raw: bytes | None = None
    is_development = False
    with _open_entries(archive, limits) as members:
        for entry in members:
            is_development |= entry.name.casefold().startswith(DEVELOPMENT)
            if entry.name != MANIFEST:
                continue
            if entry.size > MANIFEST_MAX_BYTES:
                raise ExtractFailed("manifest_size", f"{MANIFEST} has more than {MANIFEST_MAX_BYTES} bytes.")
            raw = b"".join(entry.chunks)
    if raw is None:
        raise ManifestMissing(
            "The bundle has no manifest.json at its root.", hint="Pack the folder that contains manifest.json, not its parent folder."
        )
    # Imported here: listing an archive does not need the model.
    from holdfast.bundles.manifest.model import parse_manifest

    return parse_manifest(raw, is_stored=is_stored), is_development


def read_component(archive: Path, into: Path, limits: ArchiveLimits = LIMITS) -> Path | None:
    """Writes `dist/main.wasm` of `archive` below `into`. Returns its path; None when the bundle has no component. Raises ExtractFailed."""
    with _open_entries(archive, limits) as members:
        for entry in members:
            if entry.name == COMPONENT:
                _write(entry, into)
                return into / entry.name
    return None
