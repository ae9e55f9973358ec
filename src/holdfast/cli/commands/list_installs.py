"""`holdfast list`: list the installed extensions."""

from __future__ import annotations

import msgspec

from holdfast.cli.terminal.options import Json
from holdfast.cli.terminal.printing import note, print_json, print_table
from holdfast.client.registry.protocol import open_registry
from holdfast.client.target import HERE, Target


async def list_installs(*, target: Target = HERE, json: Json = False) -> None:
    """List the installed extensions."""
    async with open_registry(target) as registry:
        installs = await registry.installs()
        lines = [msgspec.to_builtins(one) | {"url": registry.page_of(one.registry_id)} for one in installs]
    if json:
        print_json({"extensions": lines})
        return
    if not installs:
        note("No extensions are installed. Install one with: holdfast install DIR")
        return
    print_table(
        ("NAME", "VERSION", "PUBLISHER", "STATE", "REGISTRY ID"),
        [(one.name, one.version, one.publisher, "enabled" if one.is_enabled else "disabled", one.registry_id) for one in installs],
    )
