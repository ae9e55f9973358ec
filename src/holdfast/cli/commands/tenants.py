"""`holdfast tenants`: create and list tenants, each with users and extensions of its own."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from holdfast.cli.terminal.clients import open_user_directory
from holdfast.cli.terminal.options import HERE, DataDir, Json, TargetOptions
from holdfast.cli.terminal.printing import note, print_json, print_lines, print_table

tenants = App(
    name="tenants",
    help="Create and list tenants.",
    version_flags=[],
)


@tenants.command
async def new(
    name: str,
    *,
    tenant_id: Annotated[str | None, Parameter("--id", help="Id of the tenant, a UUID. Default: a new one.", show_default=False)] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Create a tenant in the data folder, with a role Admin for its administrators.

    Args:
        name: The name of the tenant.
    """
    from holdfast.cli.terminal.maintenance import open_maintenance

    async with open_maintenance(data_dir, missing="create") as maintenance:
        created = await maintenance.create_tenant(name, tenant_id)
    if json:
        print_json({"tenant": msgspec.to_builtins(created)})
        return
    print_lines(f"Created the tenant {created.name}", f"  tenant  {created.tenant_id}")
    note(f"Create its administrator with: holdfast users new EMAIL --admin --tenant {created.tenant_id}")


@tenants.command(name="list")
async def list_tenants(*, target: TargetOptions = HERE, json: Json = False) -> None:
    """List the tenants; on a server, the tenant of your API key."""
    async with open_user_directory(target, needs_tenant=False) as directory:
        found = await directory.tenants()
    if json:
        print_json({"tenants": msgspec.to_builtins(found)})
        return
    headings = ("NAME", "USERS", "TENANT")
    rows = list[tuple[str, ...]]()
    for one in found:
        rows.append((one.name, str(one.users), one.tenant_id))
    print_table(headings, rows)
