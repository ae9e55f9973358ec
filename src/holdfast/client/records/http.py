"""The records of a server, over its HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from holdfast.client.connection import ServerConnection, open_connection
from holdfast.client.decoding import read_shape
from holdfast.client.target import ServerTarget
from holdfast.contract.record_tables import ImportKind, ImportResult, RecordImport, RecordKind, RecordRows

_RECORDS = "/api/v1/records"


class ServerRecordTables:
    """The `RecordTables` of a server, for the tenant of the API key."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def import_records(self, kind: ImportKind, given: RecordImport) -> ImportResult:
        body = msgspec.to_builtins(given)
        return read_shape(ImportResult, await self._connection.call("POST", f"{_RECORDS}/{kind}/import", json=body))

    async def read_records(self, kind: RecordKind, *, after: str | None, limit: int) -> RecordRows:
        query = {"limit": str(limit), **({} if after is None else {"after": after})}
        return read_shape(RecordRows, await self._connection.call("GET", f"{_RECORDS}/{kind}", query=query))


@asynccontextmanager
async def open_server_records(target: ServerTarget) -> AsyncIterator[ServerRecordTables]:
    """The records of a server's tenant, for one command."""
    async with open_connection(target) as connection:
        yield ServerRecordTables(connection)
