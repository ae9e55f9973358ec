"""The order of versions (semver), and the patterns `X.Y.*`."""

from __future__ import annotations

import re
from collections.abc import Iterable

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)
_SERIES = re.compile(r"((?:0|[1-9]\d*)\.(?:0|[1-9]\d*))\.\*", re.ASCII)

Order = tuple[bool, tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]


def version_order(version: str) -> Order:
    """A key to sort versions by: 1.0.0-beta.2 below 1.0.0-beta.10 below 1.0.0; what follows `+` does not count.

    What is no version (other platforms may have published some) is below all that are.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        return False, (), False, ()
    identifiers = [] if match[4] is None else match[4].split(".")
    # Numbers are below words, and among themselves are compared as numbers.
    parts = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in identifiers)
    return True, (int(match[1]), int(match[2]), int(match[3])), match[4] is None, parts


def is_release(version: str) -> bool:
    """Whether it is a version, and no pre-release."""
    known, _, release, _ = version_order(version)
    return known and release


def series_of(version: str) -> str | None:
    """`X.Y` of a pattern `X.Y.*`; None for what is no such pattern."""
    match = _SERIES.fullmatch(version)
    return None if match is None else match[1]


def patches_of(series: str, versions: Iterable[str]) -> dict[int, str]:
    """Of the versions, those that are plain `X.Y.n`, by their n. Pre-releases and builds are none of them."""
    plain = re.compile(rf"{re.escape(series)}\.(0|[1-9]\d*)", re.ASCII)
    return {int(match[1]): version for version in versions if (match := plain.fullmatch(version)) is not None}
