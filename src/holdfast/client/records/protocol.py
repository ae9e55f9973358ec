"""What commands do with the records of a tenant: `local` does it on a data folder, `http` on a server."""

from __future__ import annotations

from typing import Protocol

from holdfast.contract.record_tables import ImportKind, ImportResult, RecordImport, RecordKind, RecordRows


class RecordTables(Protocol):
    """The records of one tenant as tables. Every method raises HoldfastError."""

    async def import_records(self, kind: ImportKind, given: RecordImport) -> ImportResult:
        """Creates and changes records, all of the text or none."""
        ...

    async def read_records(self, kind: RecordKind, *, after: str | None, limit: int) -> RecordRows:
        """At most `limit` records, those with a higher id than `after`."""
        ...
