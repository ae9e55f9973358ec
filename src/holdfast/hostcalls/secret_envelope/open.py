"""Secret envelopes that are sealed with a key of ours (`aes-gcm:v1`). `key_path` is the id of the key."""

from __future__ import annotations

import asyncio

from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.hostcalls.call import CallContext
from holdfast.hostcalls.interfaces.secrets import SecretDecryptFailed
from holdfast.sealing.aes_gcm import open_sealed
from holdfast.sealing.errors import CannotOpen, SecretsKeyUnusable
from holdfast.sealing.keyring import Key, Keyring, KeySource


class SealedEnvelopes:
    """Opens envelopes with the keys of a source, which is read again for a key that is not known yet."""

    def __init__(self, source: KeySource) -> None:
        """A source without a file is no failure: a runner may be meant for other envelopes. Raises SecretsKeyUnusable for a faulty one."""
        self._source = source
        self._ring: Keyring | None = source.read() if source.is_there else None

    async def open(self, envelope: SecretEnvelope, call: CallContext) -> dict[str, str]:
        """The secrets in an envelope that is not expired and was sealed for this call's tenant and install. Raises SecretDecryptFailed."""
        if not envelope.ciphertext_b64.strip():
            return {}
        if call.install_id is None:
            raise SecretDecryptFailed(
                "The call names no install, and the secret envelope is bound to one.", hint="Send context.install_id."
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
            # A new key is in the file before anything is sealed with it.
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
