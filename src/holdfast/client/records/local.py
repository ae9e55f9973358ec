"""The records of a data folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from holdfast.client.data_folder import open_records, require_tenant
from holdfast.contract.record_tables import ImportKind, ImportResult, RecordImport, RecordKind, RecordRows
from holdfast.records.billing.tables.exports import read_records
from holdfast.records.billing.tables.imports import import_records
from holdfast.records.database.database import Database
from holdfast.settings import Settings


class LocalRecordTables:
    """The `RecordTables` of a tenant in the database of a data folder."""

    def __init__(self, db: Database, tenant_id: str) -> None:
        self._db = db
        self._tenant_id = tenant_id

    async def import_records(self, kind: ImportKind, given: RecordImport) -> ImportResult:
        return await import_records(self._db, self._tenant_id, kind, given)

    async def read_records(self, kind: RecordKind, *, after: str | None, limit: int) -> RecordRows:
        return await read_records(self._db, self._tenant_id, kind, after=after, limit=limit)


@asynccontextmanager
async def open_local_records(settings: Settings, tenant: str | None) -> AsyncIterator[LocalRecordTables]:
    """The records of a tenant (None: the development tenant) in a data folder. Raises AccountError (`tenant_unknown`)."""
    async with open_records(settings, uses_development_tenant=tenant is None) as db:
        yield LocalRecordTables(db, await require_tenant(db, tenant))
