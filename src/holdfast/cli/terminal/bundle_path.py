"""Finds the packed bundle that a command line names."""

from __future__ import annotations

from pathlib import Path

from holdfast.bundles.archive.layout import BUNDLE_NAME
from holdfast.errors import HoldfastError


class BundleNotPacked(HoldfastError):
    """Raised when a path is neither a bundle nor the folder of a packed extension."""

    code = "bundle_not_packed"
    status = 400


def find_bundle(source: Path) -> Path:
    """The bundle itself, or `dist/bundle.tar.zst` of an extension's folder. Raises BundleNotPacked."""
    bundle = source / "dist" / BUNDLE_NAME if source.is_dir() else source
    if not bundle.is_file():
        raise BundleNotPacked(f"The bundle {bundle} does not exist.", hint="Pack the extension with `holdfast pack`, or name a bundle.")
    return bundle
