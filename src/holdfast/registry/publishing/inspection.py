"""Checks of an archive before it is published: its hash, its manifest, whether its component can run."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from holdfast.bundles.archive.reader import inspect_bundle, read_component
from holdfast.bundles.manifest.host_version import require_host_version
from holdfast.bundles.manifest.model import Manifest
from holdfast.bundles.manifest.parsing.errors import ManifestError, make_issue
from holdfast.bundles.manifest.parsing.json_object import read_json_object
from holdfast.bundles.signing.statement import Statement
from holdfast.bundles.store.hashing import hash_file, normalize_content_hash
from holdfast.concurrency.threads import run_in_thread
from holdfast.concurrency.workspaces import temporary_folder
from holdfast.registry.errors import RegistryError
from holdfast.registry.publishing.version_rows import requested_capabilities

CheckComponent = Callable[[Path], Awaitable[None]]
"""Gets a component file; raises when it cannot run here."""

_Stamp = tuple[int, int, int]


class ReadArchive(Struct, frozen=True, kw_only=True):
    """An archive file and its content. `sha256` is hex; `stamp` changes when the file does; `is_development`: `holdfast dev` made it."""

    path: Path
    sha256: str
    size: int
    manifest: Manifest
    stamp: _Stamp
    is_development: bool = False

    @property
    def content_hash(self) -> str:
        return f"sha256:{self.sha256}"

    @property
    def statement(self) -> Statement:
        return Statement.from_manifest(self.manifest, self.sha256)


async def read_archive(path: Path, *, declared_hash: str | None, manifest_text: bytes | None) -> ReadArchive:
    """Hashes the archive and reads its manifest. `declared_hash` and `manifest_text`, when given, must match the archive.

    Raises RegistryError (`HASH_MISMATCH`, `MANIFEST_MISMATCH`, `unknown_capability`), InvalidContentHash, HostTooOld, ManifestError,
    ManifestMissing, ExtractFailed, OSError.
    """
    declared = None if declared_hash is None else normalize_content_hash(declared_hash)
    return await run_in_thread(lambda: _read(path, declared, manifest_text))


def _read(path: Path, declared: str | None, manifest_text: bytes | None) -> ReadArchive:
    stamp = _stamp(path)
    sha256 = hash_file(path)
    if declared is not None and declared != sha256:
        raise hash_mismatch(declared, sha256)
    manifest, is_development = inspect_bundle(path)
    if manifest_text is not None and _canonical(read_json_object(manifest_text)[0]) != _canonical(manifest.raw):
        raise RegistryError(
            "MANIFEST_MISMATCH",
            "The manifest that was sent differs from the one in the bundle.",
            hint="Pack the bundle again, or leave the manifest out.",
        )
    requested_capabilities(manifest)
    require_host_version(manifest)
    if _holds_null(manifest.raw):
        raise ManifestError([make_issue((), "holds the character \\u0000, which a database cannot store")])
    return ReadArchive(path=path, sha256=sha256, size=path.stat().st_size, manifest=manifest, stamp=stamp, is_development=is_development)


def refuse_development_bundle(archive: ReadArchive) -> None:
    """Raises RegistryError (`development_component_refused`) for a bundle that only `holdfast dev` may install."""
    if archive.is_development:
        raise RegistryError(
            "development_component_refused",
            "The bundle has files in development/: `holdfast dev` made it, and it runs on a platform in development only.",
            hint="Run `holdfast build` and `holdfast pack`, and use that bundle.",
        )


def hash_mismatch(declared: str, computed: str) -> RegistryError:
    """The error for bytes without the declared hash; both hashes are hexadecimal digits."""
    return RegistryError(
        "HASH_MISMATCH",
        "The bundle does not have the declared SHA-256.",
        hint="Upload it again.",
        details={"declared": declared, "computed": computed},
    )


async def check_component_of(archive: ReadArchive, check_component: CheckComponent | None) -> None:
    """Checks the component, where the manifest needs one. With None, for callers without an engine, it only has to exist.

    Raises RegistryError (`component_missing`), ExtractFailed, and what `check_component` raises.
    """
    if not archive.manifest.needs_component:
        return
    with temporary_folder("component") as folder:
        component = await run_in_thread(lambda: read_component(archive.path, folder))
        if component is None:
            raise RegistryError(
                "component_missing",
                "The manifest declares endpoints, but the bundle has no dist/main.wasm.",
                hint="Run `holdfast build`, then publish again.",
            )
        if check_component is not None:
            await check_component(component)


def require_unchanged(archive: ReadArchive) -> None:
    """Raises RegistryError (`publish_interrupted`) when the file changed since it was read: then the store may have content with another
    hash.
    """
    try:
        unchanged = _stamp(archive.path) == archive.stamp
    except FileNotFoundError:
        unchanged = False
    if not unchanged:
        raise RegistryError("publish_interrupted", "The bundle was changed while it was published.", hint="Publish it again.")


def _holds_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_null(part) for entry in value.items() for part in entry)
    if isinstance(value, list):
        return any(_holds_null(part) for part in value)
    return isinstance(value, str) and "\0" in value


def _stamp(path: Path) -> _Stamp:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _canonical(value: object) -> str:
    # Compared as text: in Python, True and 1 are equal; in JSON they are not.
    return json.dumps(value, sort_keys=True)
