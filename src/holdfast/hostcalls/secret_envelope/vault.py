"""Secret envelopes sealed by Vault's transit engine: `POST {addr}/v1/{mount}/decrypt/{key_path}`."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from cachetools import TLRUCache

from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.hostcalls.call.context import CallContext
from holdfast.hostcalls.secret_envelope.envelope import SecretDecryptFailed, expiry, read_secrets
from holdfast.sealing.errors import VaultFailed
from holdfast.sealing.transit import TIMEOUT_SECONDS, TransitClient, is_plain_path
from holdfast.settings import SecretStr

MAX_CACHE_SECONDS = 30.0
_MAX_CACHE_ENTRIES = 1_000


class _Opened(NamedTuple):
    """Secrets, and for how many seconds they stay in memory."""

    secrets: dict[str, str]
    seconds: float


class VaultTransit:
    """One Vault server. Caches opened secrets for at most 30 seconds, and never after the envelope has expired."""

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
        """`address` is an http or https URL; `token` takes precedence over the file; times are seconds.

        Raises SecretDecryptFailed when the address is not a URL.
        """
        try:
            self._client = TransitClient(address, token_file, token=token, namespace=namespace, timeout=timeout)
        except VaultFailed as failure:
            raise _decrypt_failed(failure) from None
        self._mount = mount
        # Expired secrets are removed at each access, also those that nothing requests again.
        self._opened: TLRUCache[bytes, _Opened] = TLRUCache(_MAX_CACHE_ENTRIES, lambda _, opened, now: now + opened.seconds, timer=now)

    async def open(self, envelope: SecretEnvelope, call: CallContext) -> dict[str, str]:
        """The secrets of an envelope that has not expired, name to value. Raises SecretDecryptFailed."""
        if not envelope.ciphertext_b64.strip():
            return {}
        mount, key_path = self._transit_key(envelope)
        key = _cache_key(envelope, call, f"{mount}:{key_path}")
        cached: _Opened | None = self._opened.get(key)
        if cached is not None:
            return cached.secrets
        try:
            opened = read_secrets(await self._client.decrypt(mount, key_path, envelope.ciphertext_b64))
        except VaultFailed as failure:
            raise _decrypt_failed(failure) from None
        self._opened[key] = _Opened(opened, _cache_seconds(envelope))
        return opened

    async def close(self) -> None:
        """Closes the connections and clears the cache."""
        self._opened.clear()
        await self._client.close()

    def _transit_key(self, envelope: SecretEnvelope) -> tuple[str, str]:
        """The mount and the key path that the envelope names."""
        key_path = (envelope.key_path or "").strip().strip("/")
        mount = (envelope.mount or self._mount).strip().strip("/")
        if not key_path:
            raise SecretDecryptFailed("The secret envelope names no key (key_path).", hint="Let the gateway send one.")
        if not is_plain_path(key_path) or not is_plain_path(mount):
            raise SecretDecryptFailed("The secret envelope's mount or key_path is not a path of plain names.")
        return mount, key_path


def _cache_key(envelope: SecretEnvelope, call: CallContext, transit_key: str) -> bytes:
    """Identifies tenant, install, version and the ciphertext itself: a changed envelope never gets the secrets of an earlier one."""
    ciphertext = hashlib.sha256(envelope.ciphertext_b64.encode("utf-8", "surrogatepass")).hexdigest()
    parts = [call.tenant_id, call.extension_id, call.install_id or "", envelope.version or "", transit_key, ciphertext]
    return hashlib.sha256(msgspec.json.encode(parts)).digest()


def _cache_seconds(envelope: SecretEnvelope) -> float:
    end = expiry(envelope)
    return MAX_CACHE_SECONDS if end is None else max(0.0, min(MAX_CACHE_SECONDS, (end - datetime.now(UTC)).total_seconds()))


def _decrypt_failed(failure: VaultFailed) -> SecretDecryptFailed:
    return SecretDecryptFailed(f"The secret envelope could not be opened. {failure.message}", hint=failure.hint)
