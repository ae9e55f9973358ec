"""The packed bundle that a command is about."""

from __future__ import annotations

from pathlib import Path

from holdfast.bundles.archive.layout import BUNDLE_NAME
from holdfast.errors import HoldfastError


class BundleNotPacked(HoldfastError):
    """Raised when what was named is no bundle, and no folder with a packed one."""

    code = "bundle_not_packed"
    status = 400


def packed_bundle(source: Path) -> Path:
    """The bundle itself, or `dist/bundle.tar.zst` of an extension's folder. Raises BundleNotPacked."""
    bundle = source / "dist" / BUNDLE_NAME if source.is_dir() else source
    if not bundle.is_file():
        raise BundleNotPacked(f"There is no bundle {bundle}.", hint="Pack the extension with `holdfast pack` first, or name a .tar.zst.")
    return bundle
