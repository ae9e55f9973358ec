"""Secret envelopes that Vault's transit engine opens: `POST {addr}/v1/{mount}/decrypt/{key_path}`."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import msgspec
from msgspec import Struct

from holdfast.hostcalls.call import CallContext, SecretEnvelope
from holdfast.hostcalls.secrets import SecretDecryptFailed, expiry, read_secrets

KEPT_SECONDS = 30.0
_KEPT_ENTRIES = 1_000
_TIMEOUT_SECONDS = 5.0
_MAX_ANSWER_BYTES = 1024 * 1024
_MAX_TOKEN_BYTES = 16 * 1024
# Mount and key come with the call: they may name a place below /v1, and nothing that leads out of it.
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,127}){0,7}", re.ASCII)


class _Data(Struct, frozen=True):
    plaintext: str


class _Answer(Struct, frozen=True):
    data: _Data


class VaultTransit:
    """One Vault. What it opened is remembered for at most 30 seconds, and never past the envelope's own end."""

    def __init__(
        self,
        address: str,
        token_file: Path,
        *,
        namespace: str | None = None,
        mount: str = "transit",
        timeout: float = _TIMEOUT_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`address` is an http or https URL; times are seconds. Raises SecretDecryptFailed when the address is not one."""
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SecretDecryptFailed("VAULT_ADDR is not an http or https URL.", hint="Set it to Vault's address, or leave it out.")
        self._base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._token_file = token_file
        self._mount = mount
        self._now = now
        self._opened: OrderedDict[bytes, tuple[float, dict[str, str]]] = OrderedDict()
        headers = {"x-vault-request": "true"} | ({"x-vault-namespace": namespace} if namespace else {})
        self._http = httpx2.AsyncClient(headers=headers, timeout=timeout, follow_redirects=False, trust_env=False)

    async def open(self, envelope: SecretEnvelope, call: CallContext) -> dict[str, str]:
        """The secrets in an envelope that is not expired, name to value. Raises SecretDecryptFailed."""
        if not envelope.ciphertext_b64.strip():
            return {}
        url = self._url(envelope)
        key = _key(envelope, call, url)
        known = self._opened.get(key)
        if known is not None and known[0] > self._now():
            return known[1]
        opened = read_secrets(await self._decrypt(url, envelope.ciphertext_b64))
        self._opened[key] = (self._now() + _seconds_to_keep(envelope), opened)
        self._opened.move_to_end(key)
        self._forget()
        return opened

    async def close(self) -> None:
        """Closes the connections and forgets every secret."""
        self._opened.clear()
        await self._http.aclose()

    def _url(self, envelope: SecretEnvelope) -> str:
        key_path = (envelope.key_path or "").strip().strip("/")
        mount = (envelope.mount or self._mount).strip().strip("/")
        if not key_path:
            raise SecretDecryptFailed("The secret envelope names no key (key_path).", hint="The gateway that seals it must send one.")
        if not _PATH.fullmatch(key_path) or not _PATH.fullmatch(mount):
            raise SecretDecryptFailed("The secret envelope's mount or key_path is not a path of plain names.")
        return f"{self._base}/v1/{mount}/decrypt/{key_path}"

    async def _decrypt(self, url: str, ciphertext: str) -> str:
        token = await asyncio.to_thread(self._token)
        try:
            async with self._http.stream("POST", url, json={"ciphertext": ciphertext}, headers={"x-vault-token": token}) as response:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _MAX_ANSWER_BYTES:
                        raise SecretDecryptFailed("Vault's answer is too large.")
                if not response.is_success:
                    # What Vault says about it may quote the request.
                    raise SecretDecryptFailed(
                        f"Vault refused to open the secret envelope with status {response.status_code}.",
                        hint="Check the token in ALGA_VAULT_TOKEN_FILE, its policy, and the mount.",
                    )
                return msgspec.json.decode(bytes(body), type=_Answer).data.plaintext
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SecretDecryptFailed(f"Vault could not be reached ({type(error).__name__}).", hint="Check VAULT_ADDR.") from None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise SecretDecryptFailed("Vault's answer is not what its transit engine sends.", hint="Check VAULT_ADDR.") from None

    def _token(self) -> str:
        try:
            with self._token_file.open("rb") as file:
                token = file.read(_MAX_TOKEN_BYTES).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretDecryptFailed(
                f"The Vault token cannot be read ({type(error).__name__}).", hint="Check ALGA_VAULT_TOKEN_FILE."
            ) from None
        if not token or not token.isprintable():
            raise SecretDecryptFailed("The file of the Vault token holds none.", hint="Check ALGA_VAULT_TOKEN_FILE.")
        return token

    def _forget(self) -> None:
        """Secrets leave the memory when their time is over, not only when somebody asks for them again."""
        now = self._now()
        for key in [key for key, (until, _) in self._opened.items() if until <= now]:
            del self._opened[key]
        while len(self._opened) > _KEPT_ENTRIES:
            self._opened.popitem(last=False)


def _key(envelope: SecretEnvelope, call: CallContext, url: str) -> bytes:
    """By whom, by which version, and by the text itself: a changed envelope is never answered with an old one's secrets."""
    ciphertext = hashlib.sha256(envelope.ciphertext_b64.encode("utf-8", "surrogatepass")).hexdigest()
    parts = [call.tenant_id, call.extension_id, call.install_id or "", envelope.version or "", url, ciphertext]
    return hashlib.sha256(msgspec.json.encode(parts)).digest()


def _seconds_to_keep(envelope: SecretEnvelope) -> float:
    end = expiry(envelope)
    return KEPT_SECONDS if end is None else max(0.0, min(KEPT_SECONDS, (end - datetime.now(UTC)).total_seconds()))
