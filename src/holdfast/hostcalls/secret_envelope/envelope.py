"""What all envelopes have in common: algorithm, expiry, and the plaintext, which is base64 of a JSON object of strings."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import msgspec

from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.errors import HoldfastError


class SecretDecryptFailed(HoldfastError):
    """Raised when an envelope cannot be opened: its algorithm is not supported here, or its content is invalid."""

    code = "secret_decrypt_failed"
    status = 500


def expiry(envelope: SecretEnvelope) -> datetime | None:
    """When the envelope expires; None if never. A time without zone is UTC.

    Raises SecretDecryptFailed when `expires_at` is not an ISO 8601 time.
    """
    if envelope.expires_at is None or not envelope.expires_at.strip():
        return None
    try:
        end = datetime.fromisoformat(envelope.expires_at.strip())
    except ValueError:
        raise SecretDecryptFailed(
            "The secret envelope's expires_at is not a time.", hint="Send an ISO 8601 time such as 2030-01-31T12:00:00Z, or leave it out."
        ) from None
    return end.replace(tzinfo=UTC) if end.tzinfo is None else end


def is_expired(envelope: SecretEnvelope, *, now: datetime | None = None) -> bool:
    """Whether the envelope has expired. Raises SecretDecryptFailed when `expires_at` is not an ISO 8601 time."""
    end = expiry(envelope)
    return end is not None and end <= (now or datetime.now(UTC))


def algorithm_of(envelope: SecretEnvelope) -> str:
    """The algorithm in lower case; `inline` when the envelope names none."""
    return (envelope.algorithm or "").strip().lower() or "inline"


def read_secrets(plaintext_b64: str) -> dict[str, str]:
    """Decodes base64 of a JSON object of strings. Raises SecretDecryptFailed."""
    try:
        plaintext = base64.b64decode(plaintext_b64, validate=True)
    except ValueError:
        raise SecretDecryptFailed("The secret envelope is not base64.") from None
    try:
        return msgspec.json.decode(plaintext, type=dict[str, str])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        # The parser's own message could quote the content.
        raise SecretDecryptFailed("The secret envelope does not contain a JSON object of strings.") from None
