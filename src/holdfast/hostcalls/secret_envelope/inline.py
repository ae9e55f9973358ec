"""Secret envelopes that are not encrypted, for development."""

from __future__ import annotations

from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.hostcalls.secret_envelope.envelope import SecretDecryptFailed, algorithm_of, is_expired, read_secrets


def open_inline_envelope(envelope: SecretEnvelope, *, allow_inline: bool) -> dict[str, str]:
    """The secrets of an inline envelope, name to value; none when it has expired or is blank.

    Inline content (algorithm absent or `inline…`) is base64 of a JSON object of strings, which is no encryption. Set `allow_inline` only
    where the envelope comes from a trusted caller over a private connection. Raises SecretDecryptFailed for any other algorithm, for
    inline content that is not allowed, and for invalid content.
    """
    if is_expired(envelope):
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
