"""The interface `secrets`, and the envelope in which secrets come to the runner."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import msgspec

from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.errors import HoldfastError
from holdfast.hostcalls.session import Session
from holdfast.world.functions import WitError
from holdfast.world.types import SecretError


class SecretDecryptFailed(HoldfastError):
    """Raised when an envelope cannot be opened: an algorithm this runner does not take, or content that is not what it says."""

    code = "secret_decrypt_failed"
    status = 500


def expiry(envelope: SecretEnvelope) -> datetime | None:
    """When the envelope's time is over; None when it has no end. A time without zone is UTC. Raises SecretDecryptFailed when
    `expires_at` is not an ISO 8601 time."""
    if envelope.expires_at is None or not envelope.expires_at.strip():
        return None
    try:
        end = datetime.fromisoformat(envelope.expires_at.strip())
    except ValueError:
        raise SecretDecryptFailed(
            "The secret envelope's expires_at is not a time.", hint="Send an ISO 8601 time such as 2030-01-31T12:00:00Z, or leave it out."
        ) from None
    return end.replace(tzinfo=UTC) if end.tzinfo is None else end


def expired(envelope: SecretEnvelope, *, now: datetime | None = None) -> bool:
    """Whether the envelope's time is over. Raises SecretDecryptFailed when it is not an ISO 8601 time."""
    end = expiry(envelope)
    return end is not None and end <= (now or datetime.now(UTC))


def algorithm_of(envelope: SecretEnvelope) -> str:
    """The algorithm in lower case; `inline` when none is named."""
    return (envelope.algorithm or "").strip().lower() or "inline"


def open_envelope(envelope: SecretEnvelope, *, allow_inline: bool) -> dict[str, str]:
    """The secrets in an inline envelope, name to value. An expired one is not opened: it gives none, and the door answers `expired`.

    `allow_inline` says that the envelope came from a trusted caller over a private connection: inline content (algorithm absent or
    `inline…`) is base64 of a JSON object of strings, which is no encryption. Blank content means no secrets. Raises SecretDecryptFailed
    for any other algorithm, for inline content where it is not allowed, and for content that cannot be read.
    """
    if expired(envelope):
        return {}
    algorithm = algorithm_of(envelope)
    if not algorithm.startswith("inline"):
        raise SecretDecryptFailed(
            f"This runner cannot open secrets of the algorithm {algorithm[:40]!r}.",
            hint="Let the gateway seal them as aes-gcm:v1 or vault-transit:v1, and set VAULT_ADDR here for the latter.",
        )
    if not allow_inline:
        raise SecretDecryptFailed(
            "The secret envelope is not encrypted, which is allowed in development only.",
            hint="Let the gateway seal secrets as aes-gcm:v1, or with Vault's transit engine.",
        )
    text = envelope.ciphertext_b64.strip()
    return read_secrets(text) if text else {}


def read_secrets(plaintext_b64: str) -> dict[str, str]:
    """The secrets in base64 of a JSON object of strings. Raises SecretDecryptFailed."""
    try:
        plaintext = base64.b64decode(plaintext_b64, validate=True)
    except ValueError:
        raise SecretDecryptFailed("The secret envelope is not base64.") from None
    try:
        return msgspec.json.decode(plaintext, type=dict[str, str])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        # The parser's own message could quote the content.
        raise SecretDecryptFailed("The secret envelope does not hold a JSON object of strings.") from None


async def get(session: Session, key: str) -> str:
    """The value of one secret. Raises `expired` when the envelope's time is over, `missing` when there is no such secret."""
    envelope = session.call.secrets
    if envelope is not None and expired(envelope):
        raise WitError(SecretError.EXPIRED)
    try:
        return session.secrets[key]
    except KeyError:
        raise WitError(SecretError.MISSING) from None


async def list_keys(session: Session) -> list[str]:
    """The names of all secrets, sorted; none when the envelope's time is over."""
    envelope = session.call.secrets
    if envelope is not None and expired(envelope):
        return []
    return sorted(session.secrets)
