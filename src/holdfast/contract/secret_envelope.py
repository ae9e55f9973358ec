"""Sealed secrets on their way to the runner."""

from __future__ import annotations

from msgspec import Struct


class SecretEnvelope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sealed secrets. What `ciphertext_b64` holds depends on `algorithm`; `expires_at` is an ISO 8601 time."""

    ciphertext_b64: str
    version: str | None = None
    algorithm: str | None = None
    expires_at: str | None = None
    key_path: str | None = None
    mount: str | None = None
