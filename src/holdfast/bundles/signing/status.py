"""The result of verifying a bundle's signature: plain data, which commands import without the code that verifies."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct


class SignatureStatus(Struct, frozen=True, kw_only=True):
    """The result of a verification. Only `signed` is trusted; the other states are allowed in development only.

    `reason` and `message` are the code and the sentence that production rejects the bundle with. `key_name` and `expires_at` describe the
    trusted key. `trusted_comment` is the comment that the signer wrote into the signature.
    """

    state: Literal["signed", "unsigned", "untrusted"]
    reason: str | None = None
    message: str | None = None
    key_id: str | None = None
    key_name: str | None = None
    expires_at: datetime | None = None
    trusted_comment: str | None = None

    def is_valid_at(self, now: datetime) -> bool:
        """Whether this status still holds at that time, provided the trusted keys are the same."""
        return self.expires_at is None or now < self.expires_at

    def __str__(self) -> str:
        if self.state == "signed":
            return f"signed by {self.key_name} ({self.key_id})"
        return "unsigned (development only)" if self.state == "unsigned" else f"untrusted (development only): {self.message}"
