"""Versions of extensions: parsing, ordering, and the wildcard `X.Y.*`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering

from holdfast.errors import HoldfastError

_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_BUILD = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
SEMVER_PATTERN = rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_IDENTIFIER}(?:\.{_IDENTIFIER})*)?(?:\+{_BUILD})?"
"""A version without a wildcard, as a regular expression without anchors; the JSON Schema uses it too."""
WILDCARD_PATTERN = rf"{_NUMBER}\.{_NUMBER}\.\*"
VERSION_MAX_LENGTH = 100

_SEMVER = re.compile(SEMVER_PATTERN)
_WILDCARD = re.compile(WILDCARD_PATTERN)


class InvalidVersion(HoldfastError):
    """Raised for text that is not a version."""

    code = "INVALID_VERSION"
    status = 400

    def __init__(self, text: str, expected: str) -> None:
        super().__init__(f"{text[:VERSION_MAX_LENGTH]!r} is not a version.", hint=f"Use a version such as {expected}.")


@total_ordering
@dataclass(frozen=True)
class SemVer:
    """A version of Semantic Versioning 2.0. `pre` and `build` are its identifiers after `-` and `+`, without the dots.

    Versions are ordered by precedence: a pre-release comes before its release. Two versions that differ only in `build` have the same
    precedence; to sort them the same way everywhere, the one without `build` comes first, then the text decides.
    """

    major: int
    minor: int
    patch: int
    pre: tuple[str, ...] = ()
    build: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> SemVer:
        """Reads `1.2.3`, `1.2.3-rc.1`, `1.2.3+build`. Raises InvalidVersion for anything else, also for wildcards."""
        if len(text) > VERSION_MAX_LENGTH or not _SEMVER.fullmatch(text):
            raise InvalidVersion(text, "1.2.3 or 1.2.3-beta.1")
        release, _, build = text.partition("+")
        numbers, _, pre = release.partition("-")
        major, minor, patch = map(int, numbers.split("."))
        return cls(major, minor, patch, tuple(pre.split(".")) if pre else (), tuple(build.split(".")) if build else ())

    @property
    def precedence(self) -> tuple[object, ...]:
        """The sort key that decides which version is newer; equal for versions that differ only in `build`."""
        # Numbers sort before words, and a release after all its pre-releases.
        pre = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in self.pre)
        return (self.major, self.minor, self.patch, not self.pre, pre)

    def __lt__(self, other: SemVer) -> bool:
        return (*self.precedence, self.build) < (*other.precedence, other.build)

    def __str__(self) -> str:
        pre = f"-{'.'.join(self.pre)}" if self.pre else ""
        build = f"+{'.'.join(self.build)}" if self.build else ""
        return f"{self.major}.{self.minor}.{self.patch}{pre}{build}"


@dataclass(frozen=True)
class Wildcard:
    """`X.Y.*`: in a manifest the next patch of X.Y, determined at publishing; in a request the newest version of X.Y."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Wildcard:
        """Reads `1.2.*`. Raises InvalidVersion for anything else."""
        if not _WILDCARD.fullmatch(text):
            raise InvalidVersion(text, "1.2.*")
        major, minor, _ = text.split(".")
        return cls(int(major), int(minor))

    def matches(self, version: SemVer) -> bool:
        """Whether `version` matches. Pre-releases never match; request them by their exact version."""
        return (version.major, version.minor) == (self.major, self.minor) and not version.pre

    def next_after(self, existing: Iterable[SemVer]) -> SemVer:
        """The version to publish as: one patch above the highest existing one, or patch 0. Pre-releases do not count."""
        return SemVer(self.major, self.minor, max((version.patch for version in existing if self.matches(version)), default=-1) + 1)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.*"


def parse_version(text: str) -> SemVer | Wildcard:
    """Parses a version from a manifest or a request. Raises InvalidVersion."""
    if text.endswith("*"):
        return Wildcard.parse(text)
    return SemVer.parse(text)


def parse_versions(texts: Iterable[str]) -> dict[SemVer, str]:
    """Parses stored versions, and sorts them (newest last); each maps to its text. Skips invalid ones, such as an old `0.3.*`."""
    found = {SemVer.parse(text): text for text in texts if len(text) <= VERSION_MAX_LENGTH and _SEMVER.fullmatch(text)}
    return dict(sorted(found.items()))
