"""Brings a database to the tables this version of Holdfast needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from holdfast.records.database.address import database_address, unreachable
from holdfast.records.database.errors import DatabaseError
from holdfast.registry.migrations.newest import newest_revision

_SCRIPTS = Path(__file__).parent / "migrations"
# An arbitrary number, the same in every process: on Postgres, it is the lock that starting processes wait for.
_LOCK = 4_801_734_220


class Migrated(Struct, frozen=True):
    """The revision a database was at (None: it had no tables) and the one it is at now."""

    before: str | None
    after: str


async def migrate(db_url: str, *, to: str = "head") -> Migrated:
    """Runs every migration up to the revision `to` that the database of the URL lacks, in one transaction.

    Processes that start at once wait for each other. Raises DatabaseError (`database_newer`, `database_tables_taken`,
    `database_url_unusable`, `database_unreachable`), and then the database is as it was.
    """
    url = database_address(db_url)
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with _connected(engine) as connection:
            return await connection.run_sync(_upgrade, to)
    finally:
        await engine.dispose()


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    connection = engine.connect()
    try:
        await connection.start()
    except OperationalError as error:
        raise unreachable(engine.url, error) from error
    try:
        yield connection
    finally:
        await connection.close()


def _upgrade(connection: Connection, to: str) -> Migrated:
    if connection.dialect.name == "sqlite":
        # The driver would commit around schema changes; without it the statement below holds them together.
        driver = connection.connection.dbapi_connection
        assert driver is not None
        driver.isolation_level = None
        connection.exec_driver_sql("PRAGMA busy_timeout=30000")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    current = _current_revision(connection)
    if to == "head" and current == newest_revision():
        # Alembic takes 0.3 s to import, and most commands find a database that needs no migration.
        connection.rollback()
        return Migrated(current, current)
    return _run_migrations(connection, current, to)


def _current_revision(connection: Connection) -> str | None:
    """The revision in Alembic's table, or None when the database has no such table or row."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return found


def _run_migrations(connection: Connection, current: str | None, to: str) -> Migrated:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    target = scripts.get_current_head() if to == "head" else to
    assert target is not None
    if current == target:
        connection.rollback()
        return Migrated(current, current)
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        connection.rollback()
        raise DatabaseError(
            "database_newer",
            f"The database is at revision {current}, which this version of Holdfast does not know.",
            hint="Start the newer version of Holdfast that migrated it, or restore a backup from before.",
        )
    try:
        command.upgrade(config, target)
    except (ProgrammingError, OperationalError) as error:
        connection.rollback()
        if "already exists" not in str(error.orig):
            raise
        raise _taken(error) from error
    connection.commit()
    return Migrated(current, target)


def _taken(error: ProgrammingError | OperationalError) -> DatabaseError:
    """The error for a table or column that a migration makes and that another program has made. The driver's message names it."""
    named = str(error.orig).strip().splitlines()[0]
    return DatabaseError(
        "database_tables_taken",
        f"Another program made tables in this database that Holdfast has to make: {named}. Nothing was changed.",
        hint="Set HOLDFAST_DATABASE_URL to a database of Holdfast's own.",
    )
