"""Shows the required settings and secrets of an install that have no value, and the commands that set them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from holdfast.client.registry.protocol import Registry
from holdfast.errors import HoldfastError
from holdfast.registry.installs.results import InstallDetails


class UnsetValues(Struct, frozen=True, kw_only=True):
    """The names of required settings and secrets without a value; no secrets where it is unknown which are set."""

    extension: str
    settings: Sequence[str] = ()
    secrets: Sequence[str] = ()

    @classmethod
    def of(cls, details: InstallDetails, secret_keys: Sequence[str] | None) -> UnsetValues:
        """Those of an install that has the secrets `secret_keys`; None when they could not be listed."""
        return cls(
            extension=f"{details.publisher}.{details.name}",
            settings=details.unset_settings,
            secrets=[] if secret_keys is None else [name for name in details.required_secrets if name not in secret_keys],
        )

    def lines(self) -> list[str]:
        """What is missing and how to set it: nothing when nothing is."""
        extension = shlex.quote(self.extension)
        lines = []
        if self.settings:
            # In one command: each change is checked as a whole, so one setting alone would be rejected for the others.
            pairs = " ".join(f"{shlex.quote(name)}=VALUE" for name in self.settings)
            lines.append(
                f"Required settings are not set: {', '.join(self.settings)}. Set them with: holdfast config set {extension} {pairs}"
            )
        if self.secrets:
            names = " ".join(map(shlex.quote, self.secrets))
            lines.append(
                f"Required secrets are not set: {', '.join(self.secrets)}. Set them with: holdfast secrets set {extension} {names}"
            )
        return lines

    def to_json(self) -> dict[str, Any]:
        """`{settings, secrets}`."""
        return {"settings": list(self.settings), "secrets": list(self.secrets)}


async def find_unset_values(registry: Registry, install_id: str) -> UnsetValues:
    """What an install lacks. Raises the errors of `Registry.details`."""
    details = await registry.details(install_id)
    keys: Sequence[str] | None = ()
    if details.required_secrets:
        try:
            keys = (await registry.secrets(install_id)).keys
        except HoldfastError:
            keys = None  # listing them needs a permission of its own
    return UnsetValues.of(details, keys)
