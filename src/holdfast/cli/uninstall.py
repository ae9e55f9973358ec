"""`holdfast uninstall`: takes an extension away again."""

from __future__ import annotations

from holdfast.bundles.store import open_store
from holdfast.cli.options import DataDir, Json, load_settings
from holdfast.cli.printing import print_json, print_lines
from holdfast.cli.records import open_records
from holdfast.records.accounts import DEVELOPMENT_TENANT_ID
from holdfast.registry.installs import uninstall as uninstall_extension


async def uninstall(name: str, *, data_dir: DataDir = None, json: Json = False) -> None:
    """Uninstall an extension, with its settings, secrets and stored records.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    settings = load_settings(data_dir=data_dir)
    async with open_records(settings) as db:
        removed = await uninstall_extension(db, open_store(settings), tenant_id=DEVELOPMENT_TENANT_ID, extension=name)
    if json:
        print_json({"registry_id": removed.registry_id, "install_id": removed.install_id, "name": removed.name, "version": removed.version})
    else:
        print_lines(f"Uninstalled {removed.name} {removed.version}")
