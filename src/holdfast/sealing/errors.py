"""Errors of keys and sealed content. No message contains a key, a value, or a parser's or server's text about one."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class SecretsKeyUnusable(HoldfastError):
    """Raised when the key for secrets is missing or invalid. The message names the variable or file."""

    code = "secrets_key_unusable"
    status = 500


class CannotOpen(HoldfastError):
    """Raised when sealed content does not open with a key, for a tenant and an install."""

    code = "secrets_not_opened"
    status = 500


class VaultFailed(HoldfastError):
    """Raised when a request to Vault fails. `vault_status` is the HTTP status of its response, None without a response."""

    code = "vault_failed"
    status = 502

    def __init__(self, message: str, *, hint: str | None = None, vault_status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.vault_status = vault_status
