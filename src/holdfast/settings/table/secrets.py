"""Settings: secrets and vault."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from holdfast.settings.table.fields import SecretStr, named, prefixed, setting
from holdfast.settings.table.kinds import HttpUrl, SettingsGroup


class SecretSettings(SettingsGroup):
    """The keys that encrypt secrets, and the Vault server that holds them."""

    title: ClassVar[str] = "Secrets and Vault"

    secrets_key: SecretStr | None = setting(
        None,
        variables=named("HOLDFAST_SECRETS_KEY"),
        description="Keys for secrets at rest, each 32 bytes in base64url, separated by commas: the first encrypts, all decrypt.",
    )
    secrets_key_file: Path | None = setting(
        None,
        variables=named("HOLDFAST_SECRETS_KEY_FILE"),
        description="File of these keys, one per line, used if HOLDFAST_SECRETS_KEY is unset; unset means secrets.key in the data folder, "
        "which development creates.",
    )
    vault_addr: HttpUrl | None = setting(
        None,
        variables=prefixed("VAULT_ADDR", "ALGA_VAULT_ADDR"),
        description="Address of the Vault server that decrypts secret envelopes; unset means no Vault.",
    )
    vault_token: SecretStr | None = setting(
        None,
        variables=prefixed("VAULT_TOKEN", "ALGA_VAULT_TOKEN"),
        description="Vault token; overrides the file.",
    )
    vault_token_file: Path = setting(
        Path("/run/secrets/alga_vault_token"),
        variables=prefixed("ALGA_VAULT_TOKEN_FILE"),
        description="File with the Vault token; read for each envelope, so that you can renew the token.",
    )
    vault_namespace: str | None = setting(
        None, variables=prefixed("VAULT_NAMESPACE", "ALGA_VAULT_NAMESPACE"), description="Vault namespace."
    )
    vault_transit_mount: str = setting(
        "transit", variables=prefixed("ALGA_VAULT_TRANSIT_MOUNT"), description="Mount path of Vault's transit engine."
    )
    vault_transit_key: str | None = setting(
        None,
        variables=prefixed("VAULT_TRANSIT_KEY", "ALGA_VAULT_TRANSIT_KEY"),
        description="Key of Vault's transit engine that encrypts secrets; unset means that HOLDFAST_SECRETS_KEY or its file does.",
    )
