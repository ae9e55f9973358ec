"""Why an archive cannot be unpacked."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class ExtractFailed(HoldfastError):
    """Raised when an archive is not a zstd-compressed tar, contains something that bundles must not contain, or exceeds a limit."""

    code = "extract_failed"
    status = 500

    def __init__(self, message: str, *, hint: str = "Pack the extension again with `holdfast pack` and install it again.") -> None:
        super().__init__(message, hint=hint)
