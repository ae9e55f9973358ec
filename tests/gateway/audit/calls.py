"""Calls to record, and the rows that are there."""

from __future__ import annotations

from sqlalchemy import select

from holdfast.gateway.audit import AuditLog, AuditRow
from holdfast.records.database.database import Database
from holdfast.registry.models.installs import ExtensionExecutionLog
from tests.records.databases import TENANT

REGISTRY = "33333333-3333-4333-8333-333333333333"
VERSION = "44444444-4444-4444-8444-444444444444"
USER = "55555555-5555-4555-8555-555555555555"


async def start(log: AuditLog, request_id: str = "r-1", *, registry_id: str = REGISTRY) -> AuditRow:
    return await log.start(
        tenant_id=TENANT,
        registry_id=registry_id,
        version_id=VERSION,
        request_id=request_id,
        method="GET",
        path="/notes/7",
        endpoint_template="/notes/:id",
        principal_kind="msp",
        user_id=USER,
    )


async def rows(db: Database) -> list[ExtensionExecutionLog]:
    """The rows by request id."""
    async with db.session() as session:
        return list(await session.scalars(select(ExtensionExecutionLog).order_by(ExtensionExecutionLog.request_id)))


async def commits(db: Database) -> int:
    """In how many transactions the present rows of the log were inserted or last changed. For SQLite, how many its writer committed."""
    if db.is_sqlite:
        from holdfast.records.database.sqlite.hot_path import SqliteHotPath

        assert isinstance(db._hot, SqliteHotPath)
        return db._hot.writer.commits
    async with db.session() as session:
        connection = await session.connection()
        found = await connection.exec_driver_sql("SELECT count(DISTINCT xmin::text) FROM extension_execution_log")
        return int(found.scalar_one())
