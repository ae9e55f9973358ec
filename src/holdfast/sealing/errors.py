"""What goes wrong with keys and sealed content. No message holds a key, a value, or what a parser or a server said about one."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class SecretsKeyUnusable(HoldfastError):
    """Raised when there is no key to seal secrets with, or what should be one is not. The message names the variable or file."""

    code = "secrets_key_unusable"
    status = 500


class CannotOpen(HoldfastError):
    """Raised when sealed content does not open with a key, for a tenant and an install."""

    code = "secrets_not_opened"
    status = 500


class VaultFailed(HoldfastError):
    """Raised when Vault does not do what it was asked. `vault_status` is the HTTP status of its answer, None when there was no answer."""

    code = "vault_failed"
    status = 502

    def __init__(self, message: str, *, hint: str | None = None, vault_status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.vault_status = vault_status
