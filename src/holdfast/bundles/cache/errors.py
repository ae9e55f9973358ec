"""The errors of the bundle cache."""

from __future__ import annotations

import errno

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.errors import HoldfastError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ArchiveHashMismatch(HoldfastError):
    """Raised when the bytes in the store are not those that the content hash names."""

    code = "archive_hash_mismatch"
    status = 502

    def __init__(self, expected: str, computed: str) -> None:
        super().__init__(
            f"archive hash mismatch: expected {expected}, got {computed}",
            hint="The bundle in the store was changed or replaced. Install the extension again.",
            details={"expected": expected, "computed": computed},
        )


class CacheUnusable(ExtractFailed):
    """Raised when the cache's folder cannot be written: its disk is full, or it is not ours. The fault is not the bundle's."""

    def __init__(self, error: OSError) -> None:
        # Without the path: callers read this too, and the operator knows what the setting says.
        super().__init__(f"The bundle could not be written to the cache folder: {error.strerror or type(error).__name__}.")
        self.hint = (
            "Make room on the disk of EXT_CACHE_ROOT, or set EXT_CACHE_MAX_BYTES to less than it has. The next call tries again."
            if error.errno in _FULL
            else "Set EXT_CACHE_ROOT to a folder that the runner may write, or give it the right to. The next call tries again."
        )
