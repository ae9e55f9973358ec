"""`holdfast tenants`: who has users and extensions of their own."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table

from holdfast.cli.terminal.options import DataDir, Json, load_settings
from holdfast.cli.terminal.printing import note, print_json, print_lines, result_console
from holdfast.client.database import open_records
from holdfast.client.target import HERE, Target
from holdfast.client.users.protocol import open_people
from holdfast.records import administration

tenants = App(
    name="tenants",
    help="Make and list tenants. They are made on the data folder: on a server everybody acts within the tenant they are of.",
    version_flags=[],
)


@tenants.command
async def new(
    name: str,
    *,
    tenant_id: Annotated[str | None, Parameter("--id", help="Its id, a UUID; else a new one.", show_default=False)] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Make a tenant, with a role Admin for its administrators.

    Args:
        name: What people call it.
    """
    async with open_records(load_settings(data_dir=data_dir)) as db:
        made = await administration.create_tenant(db, name=name, tenant_id=tenant_id)
    if json:
        print_json({"tenant": msgspec.to_builtins(made)})
        return
    print_lines(f"Made the tenant {made.name}", f"  tenant  {made.tenant_id}")
    note(f"Make its administrator with: holdfast users new EMAIL --admin --tenant {made.tenant_id}")


@tenants.command(name="list")
async def list_tenants(*, target: Target = HERE, json: Json = False) -> None:
    """List the tenants; on a server, the one that the API key is of."""
    async with open_people(target) as people:
        found = await people.tenants()
    if json:
        print_json({"tenants": msgspec.to_builtins(found)})
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("NAME", "USERS", "TENANT"):
        table.add_column(heading, overflow="fold")
    for one in found:
        table.add_row(escape(one.name), str(one.users), one.tenant_id)
    result_console().print(table)
