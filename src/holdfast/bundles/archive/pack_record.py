"""`dist/.holdfast-pack.json`: what a bundle was packed from. The same files need no packing and no validation again.

Everything is compared by content, so a stale bundle is never taken for a current one, whatever the times of files say.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec
from msgspec import Struct

from holdfast.bundles.archive.layout import BUILD_RECORD, PACK_RECORD
from holdfast.bundles.manifest.facts import ManifestFacts, parse_facts, rules_key
from holdfast.bundles.store.hashing import hash_file


class PackRecord(Struct, frozen=True, kw_only=True):
    """A bundle: its SHA-256 and size, the SHA-256 of each file it was packed from, the files in it with their sizes, and its manifest."""

    rules: str
    manifest: str
    facts: ManifestFacts
    sha256: str
    size_bytes: int
    sources: dict[str, str]
    files: list[tuple[str, int]]


def read_record(project: Path) -> PackRecord | None:
    """The record of a project's bundle; None when there is none, or it is of other rules."""
    try:
        record = msgspec.json.decode((project / PACK_RECORD).read_bytes(), type=PackRecord)
    except (OSError, msgspec.MsgspecError):
        return None
    return record if record.rules == rules_key() else None


def write_record(project: Path, record: PackRecord) -> None:
    """Writes the record in one step, for a project that Holdfast has built: in others, `dist` is not ours. Raises OSError."""
    if not (project / BUILD_RECORD).is_file():
        return
    target = project / PACK_RECORD
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    partial.write_bytes(msgspec.json.encode(record))
    partial.replace(target)


def facts_of(project: Path, text: bytes) -> ManifestFacts:
    """The facts of the text of the project's manifest. Raises ManifestError."""
    record = read_record(project)
    return record.facts if record is not None and record.manifest == hash_text(text) else parse_facts(text)


def hash_text(text: bytes) -> str:
    """The SHA-256 of a manifest's text, in hex."""
    return hashlib.sha256(text).hexdigest()


def hash_sources(files: dict[str, Path]) -> dict[str, str]:
    """The SHA-256 of each file, by its name in the bundle."""
    return {name: hash_file(path) for name, path in files.items()}
