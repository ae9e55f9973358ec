"""The errors of bundle stores."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class BundleNotFound(HoldfastError):
    """Raised when the store has no object under a key."""

    code = "bundle_not_found"
    status = 404

    def __init__(self, key: str) -> None:
        super().__init__(f"The bundle store has no {key}.", hint="Install the extension again.")


class BundleStoreUnavailable(HoldfastError):
    """Raised when the store cannot be opened, reached, read or written."""

    code = "bundle_store_unavailable"
    status = 503
