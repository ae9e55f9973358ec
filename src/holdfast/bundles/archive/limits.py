"""The limits of an archive: its size, and the size it expands to."""

from __future__ import annotations

from msgspec import Struct

MIB = 1024 * 1024


class ArchiveLimits(Struct, frozen=True, kw_only=True):
    """Sizes in bytes. `ratio` (expanded size to compressed size) applies after `ratio_from` expanded bytes: small files compress well.

    `window` is the largest window, and so the memory, that a zstd frame may require.
    """

    compressed: int = 64 * MIB
    expanded: int = 256 * MIB
    ratio: int = 100
    ratio_from: int = 64 * MIB
    entries: int = 5_000
    window: int = 128 * MIB


LIMITS = ArchiveLimits()
