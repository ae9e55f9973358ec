"""Secret envelopes that Vault's transit engine opens: `POST {addr}/v1/{mount}/decrypt/{key_path}`."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from pydantic import SecretStr

from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.hostcalls.call import CallContext
from holdfast.hostcalls.interfaces.secrets import SecretDecryptFailed, expiry, read_secrets
from holdfast.sealing.errors import VaultFailed
from holdfast.sealing.transit import TIMEOUT_SECONDS, TransitClient, is_plain_path

KEPT_SECONDS = 30.0
_KEPT_ENTRIES = 1_000


class VaultTransit:
    """One Vault. What it opened is remembered for at most 30 seconds, and never past the envelope's own end."""

    def __init__(
        self,
        address: str,
        token_file: Path,
        *,
        token: SecretStr | None = None,
        namespace: str | None = None,
        mount: str = "transit",
        timeout: float = TIMEOUT_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`address` is an http or https URL; `token` counts before the file; times are seconds.

        Raises SecretDecryptFailed when the address is not one.
        """
        try:
            self._client = TransitClient(address, token_file, token=token, namespace=namespace, timeout=timeout)
        except VaultFailed as failure:
            raise _undecrypted(failure) from None
        self._mount = mount
        self._now = now
        self._opened: OrderedDict[bytes, tuple[float, dict[str, str]]] = OrderedDict()

    async def open(self, envelope: SecretEnvelope, call: CallContext) -> dict[str, str]:
        """The secrets in an envelope that is not expired, name to value. Raises SecretDecryptFailed."""
        if not envelope.ciphertext_b64.strip():
            return {}
        mount, key_path = self._place(envelope)
        key = _key(envelope, call, f"{mount}:{key_path}")
        known = self._opened.get(key)
        if known is not None and known[0] > self._now():
            return known[1]
        try:
            opened = read_secrets(await self._client.decrypt(mount, key_path, envelope.ciphertext_b64))
        except VaultFailed as failure:
            raise _undecrypted(failure) from None
        self._opened[key] = (self._now() + _seconds_to_keep(envelope), opened)
        self._opened.move_to_end(key)
        self._forget()
        return opened

    async def close(self) -> None:
        """Closes the connections and forgets every secret."""
        self._opened.clear()
        await self._client.close()

    def _place(self, envelope: SecretEnvelope) -> tuple[str, str]:
        """The mount and the key that the envelope names."""
        key_path = (envelope.key_path or "").strip().strip("/")
        mount = (envelope.mount or self._mount).strip().strip("/")
        if not key_path:
            raise SecretDecryptFailed("The secret envelope names no key (key_path).", hint="The gateway that seals it must send one.")
        if not is_plain_path(key_path) or not is_plain_path(mount):
            raise SecretDecryptFailed("The secret envelope's mount or key_path is not a path of plain names.")
        return mount, key_path

    def _forget(self) -> None:
        """Secrets leave the memory when their time is over, not only when somebody asks for them again."""
        now = self._now()
        for key in [key for key, (until, _) in self._opened.items() if until <= now]:
            del self._opened[key]
        while len(self._opened) > _KEPT_ENTRIES:
            self._opened.popitem(last=False)


def _key(envelope: SecretEnvelope, call: CallContext, place: str) -> bytes:
    """By whom, by which version, and by the text itself: a changed envelope is never answered with an old one's secrets."""
    ciphertext = hashlib.sha256(envelope.ciphertext_b64.encode("utf-8", "surrogatepass")).hexdigest()
    parts = [call.tenant_id, call.extension_id, call.install_id or "", envelope.version or "", place, ciphertext]
    return hashlib.sha256(msgspec.json.encode(parts)).digest()


def _seconds_to_keep(envelope: SecretEnvelope) -> float:
    end = expiry(envelope)
    return KEPT_SECONDS if end is None else max(0.0, min(KEPT_SECONDS, (end - datetime.now(UTC)).total_seconds()))


def _undecrypted(failure: VaultFailed) -> SecretDecryptFailed:
    return SecretDecryptFailed(f"The secret envelope could not be opened. {failure.message}", hint=failure.hint)
