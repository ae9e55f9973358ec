"""How a command line names an extension: `NAME@VERSION`, a folder or a bundle."""

from __future__ import annotations

import os
from pathlib import Path

from holdfast.client.authoring.sources import BUNDLE_SUFFIXES
from holdfast.errors import HoldfastError


class NameIncomplete(HoldfastError):
    """Raised when the name of an extension or its version is missing."""

    code = "reference_incomplete"
    status = 400


def split_name(written: str) -> tuple[str, str | None]:
    """The extension and the version of `NAME@VERSION`; the version is None when it is not given. Raises NameIncomplete."""
    name, at, version = written.strip().partition("@")
    if not name or (at and not version):
        raise NameIncomplete(f"{written!r} does not name an extension and a version.", hint="Write it as publisher.name@1.2.3.")
    return name, version or None


def split_name_with_version(written: str) -> tuple[str, str]:
    """As `split_name`, but the version is required. Raises NameIncomplete."""
    name, version = split_name(written)
    if version is None:
        raise NameIncomplete(f"{written!r} has no version.", hint=f"Write it as {name}@1.2.3; `holdfast versions` lists the versions.")
    return name, version


def source_path(written: str) -> Path | None:
    """The folder or bundle, whether or not it exists; None when the text names a published extension."""
    path = Path(written)
    looks_like_a_path = os.sep in written or written.startswith(".") or written.endswith(BUNDLE_SUFFIXES)
    return path if looks_like_a_path or path.exists() else None
