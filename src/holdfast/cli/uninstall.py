"""`holdfast uninstall`: an extension out of the own tenant."""

from __future__ import annotations

from holdfast.cli.options import Json
from holdfast.cli.registry_client import open_registry
from holdfast.cli.target import HERE, Target
from holdfast.cli.telling import tell_uninstalled


async def uninstall(name: str, *, target: Target = HERE, json: Json = False) -> None:
    """Uninstall an extension, with its settings, secrets and stored records.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    async with open_registry(target) as registry:
        removed = await registry.uninstall(name)
    tell_uninstalled(removed, as_json=json)
