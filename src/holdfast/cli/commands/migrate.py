"""`holdfast migrate`: migrate the database to the tables of this version."""

from __future__ import annotations

from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.printing import note, print_json, print_lines
from holdfast.client.location.find import find_location
from holdfast.client.maintenance.platform import PlatformMaintenance


async def migrate(*, data_dir: DataDir = None, json: Json = False) -> None:
    """Migrate the database to the tables of this version.

    `holdfast up` and every command that uses the database also do this. The database is the one in DATABASE_URL, or an SQLite file in the
    data folder.
    """
    async with find_location(data_dir, missing="create", report=note) as location:
        if location.platform is not None:
            done = await PlatformMaintenance(location.platform).migrate()
        else:
            from holdfast.client.maintenance.database import migrate_database

            done = await migrate_database(location.settings)
    database = done.database
    if json:
        print_json({"database": database, "before": done.before, "after": done.after})
    elif done.before == done.after:
        print_lines(f"{database} is already at revision {done.after}")
    elif done.before is None:
        print_lines(f"Created the tables of revision {done.after} in {database}")
    else:
        print_lines(f"Migrated {database} from revision {done.before} to {done.after}")
