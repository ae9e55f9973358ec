"""The statement that a signature of an unpacked bundle must cover, read from its manifest.

It is read when the bundle is unpacked and kept in its index: the first call in a new process needs no parser of manifests.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from msgspec import UNSET, UnsetType

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.layout import MANIFEST
from holdfast.bundles.manifest.parsing.json_object import MANIFEST_MAX_BYTES
from holdfast.bundles.signing.statement import Statement
from holdfast.bundles.store.hashing import IndexedFile


def read_statement(
    root: Path, manifest: IndexedFile | None, sha256_hex: str, known: Statement | UnsetType | None = UNSET
) -> Statement | None:
    """The statement about the bundle below `root`, whose archive has this SHA-256 (hex); None without a valid manifest.

    `manifest` is its entry in the index, `known` the statement there. Raises ExtractFailed when the file on disk is another.
    """
    if manifest is None or manifest.size > MANIFEST_MAX_BYTES:
        return None
    try:
        raw = (root / MANIFEST).read_bytes()
    except OSError as error:
        raise ExtractFailed(
            "disk_unreadable", f"The manifest of the unpacked bundle cannot be read ({error.strerror or type(error).__name__})."
        ) from error
    if hashlib.sha256(raw).hexdigest() != manifest.sha256:
        raise ExtractFailed(
            "disk_changed", "The manifest of the unpacked bundle differs from the bundle; the disk of EXT_CACHE_ROOT may be failing."
        )
    if not isinstance(known, UnsetType):
        return known
    # Imported to unpack a bundle, and for entries of older versions.
    from holdfast.bundles.manifest.model import parse_manifest
    from holdfast.bundles.manifest.parsing.errors import ManifestError

    try:
        return Statement.from_manifest(parse_manifest(raw, is_stored=True), sha256_hex)
    except ManifestError:
        return None
