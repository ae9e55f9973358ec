"""The names and values that secrets may have. It imports no database: `holdfast secrets set` checks values before it sends them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from holdfast.registry.errors import RegistryError

VALUE_MAX_BYTES = 32 * 1024
ALL_MAX_BYTES = 256 * 1024
MAX_SECRETS = 100
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}", re.ASCII)


def check_values(values: Mapping[str, str]) -> dict[str, str]:
    """The secrets that have a value, each with a name and a value that may be. Raises RegistryError (`secrets_refused`)."""
    for name, value in values.items():
        if not _NAME.fullmatch(name):
            # The name is not quoted: NAME=VALUE by mistake would put the secret into the message.
            raise RegistryError(
                "secrets_refused",
                "The name of a secret is 1 to 128 letters, digits, '_', '.' or '-'.",
                hint="Choose another name, such as API_KEY.",
            )
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            raise RegistryError(
                "secrets_refused", f"The value of {name} is not Unicode text.", hint="Encode bytes in base64 first."
            ) from None
        if size > VALUE_MAX_BYTES:
            raise RegistryError(
                "secrets_refused", f"The value of {name} has more than {VALUE_MAX_BYTES // 1024} KiB.", hint="Keep large data elsewhere."
            )
    return {name: value for name, value in values.items() if value}


def check_total(values: Mapping[str, str]) -> None:
    """Checks all secrets of an install together. Raises RegistryError (`secrets_refused`) for too many secrets, or too many bytes."""
    if len(values) > MAX_SECRETS:
        raise RegistryError("secrets_refused", f"An install has at most {MAX_SECRETS} secrets.", hint="Remove some first.")
    if sum(len(value.encode()) for value in values.values()) > ALL_MAX_BYTES:
        raise RegistryError(
            "secrets_refused", f"The secrets of an install have at most {ALL_MAX_BYTES // 1024} KiB together.", hint="Remove some first."
        )
