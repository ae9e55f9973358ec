"""How versions and sources are named on the command line: `NAME@VERSION`, a folder, a bundle."""

from __future__ import annotations

import os
from pathlib import Path

from holdfast.client.project import BUNDLE_SUFFIXES
from holdfast.errors import HoldfastError


class ReferenceIncomplete(HoldfastError):
    """Raised when a version must be named and is not, or the extension is not."""

    code = "reference_incomplete"
    status = 400


def split_reference(written: str) -> tuple[str, str | None]:
    """The extension and the version of `NAME@VERSION`; None is no version. Raises ReferenceIncomplete."""
    name, at, version = written.strip().partition("@")
    if not name or (at and not version):
        raise ReferenceIncomplete(f"{written!r} does not name an extension and a version.", hint="Write publisher.name@1.2.3.")
    return name, version or None


def require_version(written: str) -> tuple[str, str]:
    """The same where a version must be named."""
    name, version = split_reference(written)
    if version is None:
        raise ReferenceIncomplete(f"{written!r} names no version.", hint=f"Write {name}@1.2.3; `holdfast versions` lists them.")
    return name, version


def as_source(written: str) -> Path | None:
    """The folder or bundle that was named, also one that is not there; None when it names a published extension."""
    path = Path(written)
    looks_like_a_path = os.sep in written or written.startswith(".") or written.endswith(BUNDLE_SUFFIXES)
    return path if looks_like_a_path or path.exists() else None
