"""The statement that a signature covers: a bundle's hash, name, version, and requested capabilities and hosts.

A statement is always computed from the bundle itself, never read from a file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from holdfast.bundles.store.hashing import hash_file, normalize_content_hash

if TYPE_CHECKING:
    from holdfast.bundles.manifest.model import Manifest

STATEMENT_TYPE = "holdfast-bundle-statement/1"


class Statement(Struct, frozen=True, kw_only=True):
    """The facts about one bundle. `bundle` is `sha256:…`; capabilities (`cap:…`) and egress hosts are sorted and unique."""

    bundle: str
    name: str
    publisher: str | None
    version: str
    capabilities: tuple[str, ...]
    egress: tuple[str, ...]

    @classmethod
    def from_manifest(cls, manifest: Manifest, sha256_hex: str) -> Statement:
        """The statement about a bundle with that manifest and that hash. Raises InvalidContentHash."""
        return cls(
            bundle=f"sha256:{normalize_content_hash(sha256_hex)}",
            name=manifest.name,
            publisher=manifest.publisher,
            version=manifest.version,
            capabilities=tuple(sorted({capability.value for capability in manifest.capabilities})),
            egress=tuple(sorted(set(manifest.egress))),
        )

    @classmethod
    def from_archive(cls, archive: Path, *, is_stored: bool = False) -> Statement:
        """The statement about a `.tar.zst`; `is_stored` is that of `parse_manifest`.

        Raises ExtractFailed, ManifestMissing, ManifestError, OSError.
        """
        from holdfast.bundles.archive.reader import read_bundle_manifest

        return cls.from_manifest(read_bundle_manifest(archive, is_stored=is_stored), hash_file(archive))

    def to_bytes(self) -> bytes:
        """The bytes that are signed: JSON in UTF-8 with sorted keys, no spaces and one final newline. No `publisher`, no such field."""
        fields = {
            "type": STATEMENT_TYPE,
            "bundle": self.bundle,
            "name": self.name,
            "version": self.version,
            "capabilities": self.capabilities,
            "egress": self.egress,
        } | ({} if self.publisher is None else {"publisher": self.publisher})
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
