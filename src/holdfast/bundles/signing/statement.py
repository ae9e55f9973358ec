"""What a signature says: which bytes a bundle has, what it is called, and what it asks for. Always made from the bundle itself."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec import Struct

from holdfast.bundles.archive.reader import read_bundle_manifest
from holdfast.bundles.manifest.model import Manifest
from holdfast.bundles.store.hashing import hash_file, hash_hex

STATEMENT_TYPE = "holdfast-bundle-statement/1"


class Statement(Struct, frozen=True, kw_only=True):
    """The facts of one bundle. `bundle` is `sha256:…`; capabilities (`cap:…`) and egress hosts are sorted, each once."""

    bundle: str
    name: str
    publisher: str | None
    version: str
    capabilities: tuple[str, ...]
    egress: tuple[str, ...]

    @classmethod
    def of(cls, manifest: Manifest, sha256_hex: str) -> Statement:
        """The statement of a bundle with that manifest and that hash. Raises InvalidContentHash."""
        return cls(
            bundle=f"sha256:{hash_hex(sha256_hex)}",
            name=manifest.name,
            publisher=manifest.publisher,
            version=manifest.version,
            capabilities=tuple(sorted({capability.value for capability in manifest.capabilities})),
            egress=tuple(sorted(set(manifest.egress))),
        )

    @classmethod
    def of_archive(cls, archive: Path) -> Statement:
        """The statement of a `.tar.zst`. Raises ExtractFailed, ManifestMissing, ManifestError, OSError."""
        return cls.of(read_bundle_manifest(archive), hash_file(archive))

    def to_bytes(self) -> bytes:
        """The bytes that are signed: JSON with sorted keys and no spaces, in UTF-8, and one line end. Without publisher, no such field."""
        fields = {
            "type": STATEMENT_TYPE,
            "bundle": self.bundle,
            "name": self.name,
            "version": self.version,
            "capabilities": self.capabilities,
            "egress": self.egress,
        } | ({} if self.publisher is None else {"publisher": self.publisher})
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
