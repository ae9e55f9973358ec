"""Imports rows: creates and changes records, all of a text or none of it.

row ── has an id? ── yes ──▶ record of the tenant ── change it; no record ── create it with this id; of another tenant ── error
          │ no
          ▼
   records of this name: one ── change it; none ── create it; several ── error
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.contract.record_tables import ImportKind, ImportResult, RecordImport
from holdfast.records.billing.tables.columns import CLIENTS, CONTACTS, TABLES, Table
from holdfast.records.billing.tables.errors import RowErrors
from holdfast.records.billing.tables.reading import Row, read_rows
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.records.models.users import Client, User

_CHUNK = 500
"""Values of one query: SQLite has a limit."""


async def import_records(db: Database, tenant_id: str, kind: ImportKind, given: RecordImport) -> ImportResult:
    """Creates and changes records of the tenant. With `dry_run` nothing changes.

    Raises RecordsError (`records_invalid` with every error of the text, `records_too_large`).
    """
    table = TABLES[kind]
    rows = read_rows(table, given.content, given.format)
    try:
        async with db.transaction() as session:
            result = await _Import(session, tenant_id, table).run(rows, dry_run=given.dry_run)
            if given.dry_run:
                raise _DryRun(result)
    except _DryRun as ended:
        return ended.result
    return result


class _DryRun(Exception):
    """Ends the transaction of a dry run, which takes back its changes."""

    def __init__(self, result: ImportResult) -> None:
        super().__init__()
        self.result = result


class _Import:
    def __init__(self, session: AsyncSession, tenant_id: str, table: Table) -> None:
        self._session = session
        self._tenant_id = tenant_id
        self._table = table
        self._id, self._label = table.id.target, table.label.target
        self._errors = RowErrors()

    async def run(self, rows: Sequence[Row], *, dry_run: bool) -> ImportResult:
        await self._check_references(rows)
        by_id, foreign = await self._by_id([row.values[self._id] for row in rows if row.values.get(self._id)])
        by_label = await self._by_label([row.values[self._label] for row in rows if not row.values.get(self._id)])
        counts: dict[str, int] = defaultdict(int)
        lines: dict[Any, int] = {}
        for row in rows:
            record = self._record(row, by_id, foreign, by_label)
            if record is not None:
                counts[self._apply(row, record, lines)] += 1
        self._errors.raise_if_any()
        await self._session.flush()
        return ImportResult(created=counts["created"], updated=counts["updated"], unchanged=counts["unchanged"], dry_run=dry_run)

    def _record(self, row: Row, by_id: dict[str, Any], foreign: set[str], by_label: dict[str, list[Any]]) -> Any:
        """The record that a row changes, or a new one; None after an error."""
        record_id, label = row.values.get(self._id), row.values.get(self._label)
        if record_id in foreign:
            self._errors.add(row.line, self._table.id.name, "is not available")
            return None
        if record_id is not None:
            known = by_id.get(record_id)
            if known is None and label is None:
                self._errors.add(row.line, self._table.label.name, f"is required for a new {self._table.singular}")
                return None
            return known or self._table.model(**{self._id: record_id, "tenant": self._tenant_id})
        found = by_label[str(label)]
        if len(found) > 1:
            self._errors.add(
                row.line, self._table.label.name, f"is the name of {len(found)} {self._table.singular}s; add {self._table.id.name}"
            )
            return None
        return found[0] if found else self._table.model(**{self._id: new_id(), "tenant": self._tenant_id})

    def _apply(self, row: Row, record: Any, lines: dict[Any, int]) -> str:
        """Changes the record, and returns what happened to it. Two rows must not change the same one."""
        is_new = record not in self._session
        key = ("", str(row.values[self._label])) if is_new and not row.values.get(self._id) else getattr(record, self._id)
        if key in lines:
            self._errors.add(row.line, None, f"is the same {self._table.singular} as line {lines[key]}")
            return "wrong"
        lines[key] = row.line
        values = {name: value for name, value in row.values.items() if name != self._id}
        changed = {name: value for name, value in values.items() if is_new or getattr(record, name) != value}
        for name, value in changed.items():
            setattr(record, name, value)
        if is_new:
            self._session.add(record)
            return "created"
        return "updated" if changed else "unchanged"

    async def _by_id(self, ids: Sequence[str]) -> tuple[dict[str, Any], set[str]]:
        """Records of the tenant by their ids, and the ids that records of others have."""
        model = self._table.model
        found: dict[str, Any] = {}
        foreign: set[str] = set()
        for chunk in _chunks(ids):
            column = getattr(model, self._id)
            # Only the id of a record of another tenant is read.
            foreign |= set(await self._session.scalars(select(column).where(column.in_(chunk), model.tenant != self._tenant_id)))
            for record in await self._session.scalars(select(model).where(column.in_(chunk), model.tenant == self._tenant_id)):
                found[getattr(record, self._id)] = record
        return found, foreign

    async def _by_label(self, labels: Sequence[str]) -> dict[str, list[Any]]:
        model = self._table.model
        found: dict[str, list[Any]] = defaultdict(list)
        for chunk in _chunks([label for label in labels if label is not None]):
            query = select(model).where(getattr(model, self._label).in_(chunk), model.tenant == self._tenant_id)
            for record in await self._session.scalars(query):
                found[getattr(record, self._label)].append(record)
        return found

    async def _check_references(self, rows: Sequence[Row]) -> None:
        """Records refer to users and clients of their tenant only."""
        if self._table is CLIENTS:
            await self._check_reference(rows, "account_manager_id", User.user_id, User.tenant, "is not a user of this tenant")
        if self._table is CONTACTS:
            await self._check_reference(rows, "client_id", Client.client_id, Client.tenant, "is not a client of this tenant")

    async def _check_reference(self, rows: Sequence[Row], name: str, column: Any, tenant: Any, message: str) -> None:
        known: set[str] = set()
        for chunk in _chunks([row.values[name] for row in rows if row.values.get(name)]):
            known |= set(await self._session.scalars(select(column).where(column.in_(chunk), tenant == self._tenant_id)))
        for row in rows:
            if row.values.get(name) and row.values[name] not in known:
                self._errors.add(row.line, name, message)


def _chunks(values: Sequence[str]) -> Iterator[list[str]]:
    wanted = sorted(set(values))
    for start in range(0, len(wanted), _CHUNK):
        yield wanted[start : start + _CHUNK]
