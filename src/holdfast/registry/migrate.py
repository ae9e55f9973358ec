"""Brings a database to the tables this version of Holdfast needs."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from holdfast.errors import HoldfastError

_SCRIPTS = Path(__file__).parent / "migrations"
# Any number, the same everywhere: on Postgres two starting processes take turns on it.
_LOCK = 4_801_734_220


class DatabaseNewer(HoldfastError):
    """Raised when the database was migrated by a later version of Holdfast than this one."""

    code = "database_newer"
    status = 500


async def migrate(db_url: str) -> None:
    """Runs every migration that `db_url` lacks, in one transaction; none when it is up to date. Raises DatabaseNewer."""
    url = make_url(db_url)
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(db_url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        # The driver would commit around schema changes; without it the statement below holds them together.
        driver = connection.connection.dbapi_connection
        assert driver is not None
        driver.isolation_level = None
        connection.exec_driver_sql("PRAGMA busy_timeout=30000")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        connection.rollback()
        return
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        connection.rollback()
        raise DatabaseNewer(
            f"The database is at revision {current}, which this version of Holdfast does not know.",
            hint="Start the newer version of Holdfast that migrated it, or restore a backup from before.",
        )
    command.upgrade(config, "head")
    connection.commit()
