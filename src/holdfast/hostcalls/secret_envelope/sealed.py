"""Secret envelopes sealed with a key of our keyring (`aes-gcm:v1`). `key_path` is the id of the key."""

from __future__ import annotations

import asyncio

from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.hostcalls.call.context import CallContext
from holdfast.hostcalls.secret_envelope.envelope import SecretDecryptFailed
from holdfast.sealing.aes_gcm import open_sealed
from holdfast.sealing.errors import CannotOpen, SecretsKeyUnusable
from holdfast.sealing.keyring import Key, Keyring, KeySource


class SealedEnvelopes:
    """Opens envelopes with the keys of a source, and reads the source again when a key is missing."""

    def __init__(self, source: KeySource) -> None:
        """A source without a file is no error: this runner may only receive others. Raises SecretsKeyUnusable for an invalid file."""
        self._source = source
        self._ring: Keyring | None = source.read() if source.exists else None

    async def open(self, envelope: SecretEnvelope, call: CallContext) -> dict[str, str]:
        """The secrets of an envelope that has not expired and was sealed for this call's tenant and install. Raises SecretDecryptFailed."""
        if not envelope.ciphertext_b64.strip():
            return {}
        if call.install_id is None:
            raise SecretDecryptFailed(
                "The call names no install, but the secret envelope is bound to one.", hint="Send context.install_id."
            )
        key = await self._key(envelope.key_path)
        try:
            return open_sealed(envelope.ciphertext_b64, key, tenant_id=call.tenant_id, install_id=call.install_id)
        except CannotOpen as failure:
            raise SecretDecryptFailed(failure.message) from None

    async def _key(self, key_id: str | None) -> Key:
        key = self._ring.find(key_id) if self._ring is not None else None
        if key is not None:
            return key
        try:
            # The gateway writes a new key to the file before it seals anything with it.
            self._ring = await asyncio.to_thread(self._source.read)
        except SecretsKeyUnusable as unusable:
            raise SecretDecryptFailed(unusable.message, hint=unusable.hint) from None
        key = self._ring.find(key_id)
        if key is None:
            raise SecretDecryptFailed(
                f"The secret envelope is sealed with a key that {self._source.name} does not have.",
                hint="Give the runner the keys that the gateway seals with: HOLDFAST_SECRETS_KEY or HOLDFAST_SECRETS_KEY_FILE.",
            )
        return key
