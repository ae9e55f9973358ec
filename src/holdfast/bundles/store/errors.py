"""The errors of bundle stores."""

from __future__ import annotations

from types import MappingProxyType

from holdfast.errors import HoldfastError

STORE_RULES = MappingProxyType(
    {
        "store_settings": "A setting of the bundle store is invalid or missing.",
        "store_unreachable": "The bundle store does not respond, or keeps failing.",
        "store_credentials": "The bundle store requires credentials, or rejects those that are set.",
        "store_bucket": "The bucket does not exist.",
        "store_redirects": "The bundle store redirects to another address.",
        "store_status": "The bundle store responds with an unexpected status.",
        "store_read_only": "The bundle store accepts no uploads.",
        "store_disk": "The folder of the bundle store, or the file to store, cannot be read or written.",
    }
)
"""What `details.rule` of `bundle_store_unavailable` can be, with its cause."""


class BundleNotFound(HoldfastError):
    """Raised when the store has no object under a key."""

    code = "bundle_not_found"
    status = 404

    def __init__(self, key: str) -> None:
        super().__init__(f"The bundle store has no {key}.", hint="Install the extension again.")


class BundleStoreUnavailable(HoldfastError):
    """Raised when the store cannot be opened, reached, read or written. `details.rule` is the cause: a key of STORE_RULES."""

    code = "bundle_store_unavailable"
    status = 503

    def __init__(self, message: str, *, rule: str = "store_settings", hint: str | None = None) -> None:
        # An unknown rule fails here, at the place that raises.
        STORE_RULES[rule]
        super().__init__(message, hint=hint, details={"rule": rule})
