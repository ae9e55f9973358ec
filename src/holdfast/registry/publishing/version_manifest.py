"""The manifest of a version, read from its row."""

from __future__ import annotations

import msgspec

from holdfast.bundles.manifest.host_version import require_host_version
from holdfast.bundles.manifest.model import Manifest, parse_manifest
from holdfast.bundles.manifest.parsing.errors import ManifestError
from holdfast.registry.models.installs import ExtensionVersion


def manifest_of(version: ExtensionVersion) -> Manifest | None:
    """The manifest, or None when another platform published the version, or when it is not valid any more."""
    if version.manifest is None:
        return None
    try:
        return parse_manifest(msgspec.json.encode(version.manifest), is_stored=True)
    except ManifestError:
        return None


def require_this_host(version: ExtensionVersion) -> None:
    """Raises HostTooOld when the version needs a later Holdfast: on a shared database, one may have published it."""
    manifest = manifest_of(version)
    if manifest is not None:
        require_host_version(manifest)
