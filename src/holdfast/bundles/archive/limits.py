"""How large an archive may be, and what it may expand to."""

from __future__ import annotations

from msgspec import Struct

MIB = 1024 * 1024


class ArchiveLimits(Struct, frozen=True, kw_only=True):
    """What a bundle may be. Sizes in bytes; the ratio (expanded to compressed) counts once more than `ratio_from` bytes were expanded."""

    compressed: int = 64 * MIB
    expanded: int = 256 * MIB
    ratio: int = 100
    ratio_from: int = 64 * MIB
    entries: int = 5_000
    window: int = 128 * MIB


LIMITS = ArchiveLimits()
