"""`holdfast uninstall`: remove an extension from your tenant."""

from __future__ import annotations

from holdfast.cli.terminal.options import Json
from holdfast.cli.terminal.rendering import tell_uninstalled
from holdfast.client.registry.protocol import open_registry
from holdfast.client.target import HERE, Target


async def uninstall(name: str, *, target: Target = HERE, json: Json = False) -> None:
    """Uninstall an extension, with its settings, secrets and stored records.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    async with open_registry(target) as registry:
        removed = await registry.uninstall(name)
    tell_uninstalled(removed, as_json=json)
