"""The records of a running platform, which does the work."""

from __future__ import annotations

import msgspec

from holdfast.client.location.connection import PlatformConnection
from holdfast.contract.record_tables import ImportKind, ImportResult, RecordImport, RecordKind, RecordRows


class PlatformRecordTables:
    """The `RecordTables` of one tenant of a running platform; None is the development tenant."""

    def __init__(self, connection: PlatformConnection, tenant: str | None) -> None:
        self._connection = connection
        self._tenant = tenant

    async def import_records(self, kind: ImportKind, given: RecordImport) -> ImportResult:
        arguments = {"kind": kind, "given": msgspec.to_builtins(given)}
        return await self._connection.call("records.import_records", ImportResult, arguments, tenant=self._tenant)

    async def read_records(self, kind: RecordKind, *, after: str | None, limit: int) -> RecordRows:
        arguments = {"kind": kind, "after": after, "limit": limit}
        return await self._connection.call("records.read_records", RecordRows, arguments, tenant=self._tenant)
