"""The manifest of a version, as its row has it."""

from __future__ import annotations

import msgspec

from holdfast.bundles.manifest import Manifest, ManifestError, parse_manifest
from holdfast.registry.tables import ExtensionVersion


def manifest_of(version: ExtensionVersion) -> Manifest | None:
    """The manifest, or None: another platform published the version, or what was valid then is not now."""
    if version.manifest is None:
        return None
    try:
        return parse_manifest(msgspec.json.encode(version.manifest))
    except ManifestError:
        return None
