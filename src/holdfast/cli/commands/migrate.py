"""`holdfast migrate`: migrate the database to the tables of this version."""

from __future__ import annotations

from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.printing import print_json, print_lines
from holdfast.records.database.address import database_address, shown_address
from holdfast.registry.migrate import migrate as run_migrations
from holdfast.settings import load_settings


async def migrate(*, data_dir: DataDir = None, json: Json = False) -> None:
    """Migrate the database to the tables of this version.

    `holdfast up` and every command that uses the database also do this. The database is the one in DATABASE_URL, or an SQLite file in the
    data folder.
    """
    url = load_settings(data_dir=data_dir).resolved_database_url
    done = await run_migrations(url)
    database = shown_address(database_address(url))
    if json:
        print_json({"database": database, "before": done.before, "after": done.after})
    elif done.before == done.after:
        print_lines(f"{database} is already at revision {done.after}")
    elif done.before is None:
        print_lines(f"Created the tables of revision {done.after} in {database}")
    else:
        print_lines(f"Migrated {database} from revision {done.before} to {done.after}")
