"""`holdfast list`: what is installed."""

from __future__ import annotations

import msgspec
from rich.table import Table

from holdfast.cli.options import DataDir, Json, load_settings
from holdfast.cli.platform.presence import extension_url
from holdfast.cli.printing import note, print_json, result_console
from holdfast.cli.records import open_records
from holdfast.records.accounts import DEVELOPMENT_TENANT_ID
from holdfast.registry.installs import list_installs as installs_of


async def list_installs(*, data_dir: DataDir = None, json: Json = False) -> None:
    """List the installed extensions."""
    settings = load_settings(data_dir=data_dir)
    async with open_records(settings) as db:
        installs = await installs_of(db, DEVELOPMENT_TENANT_ID)
    if json:
        lines = [msgspec.to_builtins(one) | {"url": extension_url(settings.data_dir, one.registry_id)} for one in installs]
        print_json({"extensions": lines})
        return
    if not installs:
        note("Nothing is installed. Install an extension with: holdfast install DIR")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("NAME", "VERSION", "PUBLISHER", "STATE", "REGISTRY ID"):
        table.add_column(heading, overflow="fold")
    for one in installs:
        table.add_row(one.name, one.version, one.publisher, "enabled" if one.is_enabled else "disabled", one.registry_id)
    result_console().print(table)
