"""Vault's transit engine over HTTP: `POST {address}/v1/{mount}/encrypt/{key}` and `…/decrypt/{key}`."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx2
import msgspec
from msgspec import Struct

from holdfast.sealing.errors import VaultFailed
from holdfast.settings import SecretStr

ALGORITHM = "vault-transit:v1"
TIMEOUT_SECONDS = 5.0
_MAX_RESPONSE_BYTES = 1024 * 1024
_MAX_TOKEN_BYTES = 16 * 1024
# Mount and key are paths below /v1 and must not lead out of it.
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,127}){0,7}", re.ASCII)


class _Data(Struct, frozen=True):
    ciphertext: str = ""
    plaintext: str = ""


class _Response(Struct, frozen=True):
    data: _Data


def is_plain_path(text: str) -> bool:
    """Whether `text` can be the name of a mount or a key: plain names, separated by slashes."""
    return _PATH.fullmatch(text) is not None


class TransitClient:
    """A client of one Vault. Its token may be renewed in its file at any time."""

    def __init__(
        self,
        address: str,
        token_file: Path,
        *,
        token: SecretStr | None = None,
        namespace: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        """`address` is an http or https URL; `token` takes precedence over the file; one request takes at most `timeout` seconds.

        Raises VaultFailed when the address is not one.
        """
        try:
            parts = urlsplit(address)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            raise VaultFailed("VAULT_ADDR is not an http or https URL.", hint="Set it to Vault's address, or leave it out.")
        self._base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._token_file = token_file
        self._given = token.get_secret_value().strip() if token is not None else ""
        self._timeout = timeout
        headers = {"x-vault-request": "true"} | ({"x-vault-namespace": namespace} if namespace else {})
        self._http = httpx2.AsyncClient(headers=headers, timeout=timeout, follow_redirects=False, trust_env=False)

    def url(self, operation: str, mount: str, key: str) -> str:
        """Where an operation of a key is. Raises VaultFailed when mount or key is not a path of plain names."""
        if not is_plain_path(mount) or not is_plain_path(key):
            raise VaultFailed("The mount or the key of Vault's transit engine is not a path of plain names.")
        return f"{self._base}/v1/{mount}/{operation}/{key}"

    async def encrypt(self, mount: str, key: str, plaintext: bytes) -> str:
        """The ciphertext of the plaintext: a text `vault:v…`. Raises VaultFailed."""
        return await self._ask(self.url("encrypt", mount, key), {"plaintext": plaintext}, "ciphertext")

    async def decrypt(self, mount: str, key: str, ciphertext: str) -> str:
        """The plaintext in base64. Raises VaultFailed."""
        return await self._ask(self.url("decrypt", mount, key), {"ciphertext": ciphertext}, "plaintext")

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def _ask(self, url: str, question: dict[str, Any], wanted: Literal["ciphertext", "plaintext"]) -> str:
        headers = {"x-vault-token": await asyncio.to_thread(self._token), "content-type": "application/json"}
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._http.stream("POST", url, content=msgspec.json.encode(question), headers=headers) as response,
            ):
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _MAX_RESPONSE_BYTES:
                        raise VaultFailed("The response of Vault is too large.")
                if not response.is_success:
                    # Vault's own message may quote the request.
                    raise VaultFailed(
                        f"Vault rejected the request with status {response.status_code}.",
                        hint="Check the token (VAULT_TOKEN, or the file in ALGA_VAULT_TOKEN_FILE), its policy, the mount and the key.",
                        vault_status=response.status_code,
                    )
                answer = msgspec.json.decode(bytes(body), type=_Response).data
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            raise VaultFailed(f"Vault could not be reached ({type(error).__name__}).", hint="Check VAULT_ADDR.") from None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            answer = _Data()
        found = answer.ciphertext if wanted == "ciphertext" else answer.plaintext
        if not found:
            raise VaultFailed("Invalid response from Vault's transit engine.", hint="Check VAULT_ADDR.")
        return found

    def _token(self) -> str:
        token = self._given or self._from_file()
        if not token or not token.isascii() or not token.isprintable():
            raise VaultFailed("There is no Vault token.", hint="Set VAULT_TOKEN, or put one into the file in ALGA_VAULT_TOKEN_FILE.")
        return token

    def _from_file(self) -> str:
        try:
            with self._token_file.open("rb") as file:
                return file.read(_MAX_TOKEN_BYTES).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise VaultFailed(
                f"The Vault token cannot be read ({type(error).__name__}).", hint="Set VAULT_TOKEN, or check ALGA_VAULT_TOKEN_FILE."
            ) from None
