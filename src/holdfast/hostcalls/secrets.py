"""The interface `secrets`, and the envelope in which secrets come to the runner."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime

import msgspec

from holdfast.errors import HoldfastError
from holdfast.hostcalls.call import SecretEnvelope
from holdfast.hostcalls.session import Session
from holdfast.world.functions import WitError
from holdfast.world.types import SecretError


class SecretDecryptFailed(HoldfastError):
    """Raised when an envelope cannot be opened: an algorithm this runner does not take, or content that is not what it says."""

    code = "secret_decrypt_failed"
    status = 500


def expired(envelope: SecretEnvelope, *, now: datetime | None = None) -> bool:
    """Whether the envelope's time is over. A time without zone is UTC. Raises SecretDecryptFailed when it is not an ISO 8601 time."""
    if envelope.expires_at is None or not envelope.expires_at.strip():
        return False
    try:
        end = datetime.fromisoformat(envelope.expires_at.strip())
    except ValueError:
        raise SecretDecryptFailed(
            "The secret envelope's expires_at is not a time.", hint="Send an ISO 8601 time such as 2030-01-31T12:00:00Z, or leave it out."
        ) from None
    if end.tzinfo is None:
        end = end.replace(tzinfo=UTC)
    return end <= (now or datetime.now(UTC))


def open_envelope(envelope: SecretEnvelope, *, allow_inline: bool) -> dict[str, str]:
    """The secrets in an envelope, name to value. An expired one is not opened: it gives none, and the door answers `expired`.

    `allow_inline` says that the envelope came from a trusted caller over a private connection: inline content (algorithm absent or
    `inline…`) is base64 of a JSON object of strings, which is no encryption. Blank content means no secrets. Raises SecretDecryptFailed
    for any other algorithm, for inline content where it is not allowed, and for content that cannot be read.
    """
    if expired(envelope):
        return {}
    algorithm = (envelope.algorithm or "").strip().lower()
    if algorithm and not algorithm.startswith("inline"):
        raise SecretDecryptFailed(
            f"This runner cannot open secrets of the algorithm {algorithm[:40]!r}.",
            hint="Let the gateway open them and send the envelope with the algorithm inline/base64.",
        )
    if not allow_inline:
        raise SecretDecryptFailed(
            "The secret envelope is not encrypted, and this caller may not send secrets in the clear.",
            hint="Send the runner's service token with the call.",
        )
    text = envelope.ciphertext_b64.strip()
    if not text:
        return {}
    try:
        return msgspec.json.decode(base64.b64decode(text, validate=True), type=dict[str, str])
    except binascii.Error:
        raise SecretDecryptFailed("The secret envelope is not base64.") from None
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
