"""The errors of the bundle cache."""

from __future__ import annotations

import errno

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.errors import HoldfastError

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ArchiveHashMismatch(HoldfastError):
    """Raised when the bytes in the store do not have the content hash that names them."""

    code = "archive_hash_mismatch"
    status = 502

    def __init__(self, expected: str, computed: str) -> None:
        """Both hashes in lower-case hex."""
        super().__init__(
            f"archive hash mismatch: expected {expected}, got {computed}",
            hint="The bundle in the store was changed or replaced. Install the extension again.",
            details={"expected": expected, "computed": computed},
        )


def cache_not_writable(error: OSError) -> ExtractFailed:
    """The error to raise when the cache folder cannot be written. The bundle itself is fine."""
    # The path is left out: callers read this message too, and the operator can look up the setting.
    return ExtractFailed(
        "disk_full" if error.errno in _DISK_FULL else "cache_not_writable",
        f"The bundle could not be written to the cache folder: {error.strerror or type(error).__name__}.",
        hint="Free space on the disk of EXT_CACHE_ROOT, or set EXT_CACHE_MAX_BYTES below the size of that disk. The next call tries again."
        if error.errno in _DISK_FULL
        else "Set EXT_CACHE_ROOT to a folder that the runner can write, or fix its permissions. The next call tries again.",
    )


def rule_of(error: HoldfastError) -> str:
    """What exactly is wrong with a bundle: `details.rule` of the error, or, where its code says it all, that code."""
    rule = error.details.get("rule") if isinstance(error.details, dict) else None
    return rule if isinstance(rule, str) else error.code
