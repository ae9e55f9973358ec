"""`holdfast list`: list the installed extensions."""

from __future__ import annotations

import msgspec

from holdfast.cli.terminal.clients import open_install_list
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import note, print_json, print_table


async def list_installs(*, target: TargetOptions = HERE, json: Json = False) -> None:
    """List the installed extensions."""
    async with open_install_list(target) as registry:
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
