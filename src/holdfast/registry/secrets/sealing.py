"""Sealing the secrets of installs for the database: with a key of ours, or by Vault. There is no third way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from holdfast.errors import HoldfastError
from holdfast.sealing import aes_gcm, transit
from holdfast.sealing.errors import CannotOpen, SecretsKeyUnusable, VaultFailed
from holdfast.sealing.keyring import Key, KeySource
from holdfast.sealing.transit import TransitClient, is_plain_path
from holdfast.settings import Settings


class SecretsUnreadable(HoldfastError):
    """Raised when the secrets of an install cannot be opened. They stay as they are until that is mended or they are cleared."""

    code = "secrets_unreadable"
    status = 409


class Sealed(Struct, frozen=True, kw_only=True):
    """Sealed secrets, as the database keeps them. `transit_key` is a key's id, or for Vault its name; only Vault has a mount."""

    ciphertext: str
    algorithm: str
    transit_key: str | None = None
    transit_mount: str | None = None


class VaultKey(Struct, frozen=True):
    """A key of Vault's transit engine."""

    mount: str
    name: str


class Sealer:
    """Seals with one thing, and opens what was sealed with any that it knows. Close it when it is no longer needed."""

    def __init__(self, keys: KeySource, *, vault: TransitClient | None = None, vault_key: VaultKey | None = None) -> None:
        """With `vault_key`, Vault seals; without, the newest of `keys`. A configured Vault opens what it sealed in either case."""
        self.keys = keys
        self._vault = vault
        self._vault_key = vault_key

    @classmethod
    def from_settings(cls, settings: Settings) -> Sealer:
        """The sealer of the settings. In development a file of keys that is not there is made.

        Raises SecretsKeyUnusable when there is nothing to seal with, or what there is cannot be used; VaultFailed for a faulty VAULT_ADDR.
        """
        keys = KeySource.from_settings(settings)
        vault = None
        if settings.vault_addr is not None:
            vault = TransitClient(
                settings.vault_addr, settings.vault_token_file, token=settings.vault_token, namespace=settings.vault_namespace
            )
        vault_key = _vault_key(settings)
        if vault_key is None and settings.environment == "development":
            keys.create_if_missing()
        if vault_key is None or keys.exists:
            # Read now, so that an unusable key is reported at the start.
            keys.read()
        return cls(keys, vault=vault, vault_key=vault_key)

    async def seal(self, values: Mapping[str, str], *, tenant_id: str, install_id: str) -> Sealed:
        """Seals secrets (name to value) for an install. Raises SecretsKeyUnusable, VaultFailed; then nothing was sealed."""
        if self._vault is not None and self._vault_key is not None:
            mount, name = self._vault_key.mount, self._vault_key.name
            text = await self._vault.encrypt(mount, name, msgspec.json.encode(dict(values), order="sorted"))
            return Sealed(ciphertext=text, algorithm=transit.ALGORITHM, transit_key=name, transit_mount=mount)
        # Read every time: the command that adds a key is another process.
        key = (await asyncio.to_thread(self.keys.read)).newest
        text = aes_gcm.seal(values, key, tenant_id=tenant_id, install_id=install_id)
        return Sealed(ciphertext=text, algorithm=aes_gcm.ALGORITHM, transit_key=key.id)

    async def open(self, sealed: Sealed, *, tenant_id: str, install_id: str) -> dict[str, str]:
        """The secrets in it, name to value. Raises SecretsUnreadable; VaultFailed when Vault does not answer or does not let us."""
        if sealed.algorithm == aes_gcm.ALGORITHM:
            key = await self._key(sealed.transit_key)
            try:
                return aes_gcm.open_sealed(sealed.ciphertext, key, tenant_id=tenant_id, install_id=install_id)
            except CannotOpen as failure:
                raise SecretsUnreadable(
                    failure.message, hint="Restore the row from a backup, or clear the secrets and set them again."
                ) from None
        if sealed.algorithm == transit.ALGORITHM:
            return await self._open_in_vault(sealed)
        raise SecretsUnreadable(
            f"The secrets are stored with the algorithm {sealed.algorithm[:40]!r}, which is not one of Holdfast's.",
            hint="Clear the secrets and set them again.",
        )

    async def is_newest(self, sealed: Sealed) -> bool:
        """Whether it is sealed as `seal` would now. Of what Vault sealed that is not known: its keys have versions of their own."""
        if self._vault_key is not None or sealed.algorithm != aes_gcm.ALGORITHM:
            return False
        return sealed.transit_key == (await asyncio.to_thread(self.keys.read)).newest.id

    def add_key(self) -> Key:
        """Makes a new key and seals with it from now on, in every process. Raises SecretsKeyUnusable when the keys are not in a file."""
        if self._vault_key is not None:
            raise SecretsKeyUnusable(
                "Vault has the key that secrets are sealed with.",
                hint="Rotate the key in Vault, then rotate the secrets without a new key.",
            )
        return self.keys.add()

    async def close(self) -> None:
        """Closes the connections to Vault."""
        if self._vault is not None:
            await self._vault.close()

    async def _key(self, key_id: str | None) -> Key:
        try:
            ring = await asyncio.to_thread(self.keys.read)
        except SecretsKeyUnusable as unusable:
            raise SecretsUnreadable(unusable.message, hint=unusable.hint) from None
        key = ring.find(key_id)
        if key is None:
            raise SecretsUnreadable(
                f"The secrets are sealed with the key {key_id}, which {self.keys.name} does not have.",
                hint="Put that key back (from a backup) behind the first, or, if it is lost, clear the secrets and set them again.",
            )
        return key

    async def _open_in_vault(self, sealed: Sealed) -> dict[str, str]:
        if self._vault is None:
            raise SecretsUnreadable("The secrets are sealed by Vault, and VAULT_ADDR is not set.", hint="Set it to Vault's address.")
        try:
            text = await self._vault.decrypt(sealed.transit_mount or "transit", sealed.transit_key or "", sealed.ciphertext)
        except VaultFailed as failure:
            if failure.vault_status != 400:
                raise
            # Vault works, but this text was not encrypted with the key.
            raise SecretsUnreadable(
                "Vault cannot open the secrets with the key they are stored with.",
                hint="Restore the row or Vault's key from a backup, or clear the secrets and set them again.",
            ) from None
        try:
            return msgspec.json.decode(msgspec.convert(text, type=bytes, strict=True), type=dict[str, str])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise SecretsUnreadable(
                "What Vault opened is not a JSON object of strings.", hint="Clear the secrets and set them again."
            ) from None


def _vault_key(settings: Settings) -> VaultKey | None:
    """The key in Vault that the settings name, if any."""
    if settings.vault_transit_key is None:
        return None
    name, mount = settings.vault_transit_key.strip().strip("/"), settings.vault_transit_mount.strip().strip("/")
    if settings.vault_addr is None:
        raise SecretsKeyUnusable(
            "VAULT_TRANSIT_KEY selects Vault to seal secrets, but VAULT_ADDR is not set.",
            hint="Set VAULT_ADDR, or leave VAULT_TRANSIT_KEY out.",
        )
    if not is_plain_path(name) or not is_plain_path(mount):
        raise SecretsKeyUnusable(
            "VAULT_TRANSIT_KEY or ALGA_VAULT_TRANSIT_MOUNT is not a path of plain names.",
            hint="Use letters, digits, '.', '_' and '-', separated by slashes.",
        )
    return VaultKey(mount, name)
