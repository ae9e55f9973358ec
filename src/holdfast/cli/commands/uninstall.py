"""`holdfast uninstall`: remove an extension from your tenant."""

from __future__ import annotations

from holdfast.cli.terminal.clients import open_registry
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.results.registry import print_uninstalled


async def uninstall(name: str, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Uninstall an extension, with its settings, secrets and stored records.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    async with open_registry(target) as registry:
        removed = await registry.uninstall(name)
    print_uninstalled(removed, as_json=json)
