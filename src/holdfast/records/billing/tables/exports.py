"""Exports records as rows, which an import reads again, and invoices, which no import creates."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import select

from holdfast.contract.record_tables import RecordKind, RecordRows
from holdfast.contract.records import InvoiceSummary
from holdfast.records.billing.invoices.queries import invoices_by_id
from holdfast.records.billing.tables.columns import TABLES, Table
from holdfast.records.database.database import Database


async def read_records(db: Database, tenant_id: str, kind: RecordKind, *, after: str | None, limit: int) -> RecordRows:
    """At most `limit` records of the tenant, those with a higher id than `after`."""
    if kind == "invoices":
        return await _invoices(db, tenant_id, after=after, limit=limit)
    table = TABLES[kind]
    query = select(table.model).where(table.model.tenant == tenant_id)
    column = getattr(table.model, table.id.target)
    if after is not None:
        query = query.where(column > after)
    async with db.session() as session:
        found = (await session.scalars(query.order_by(column).limit(limit + 1))).all()
    rows = [_row(table, record) for record in found[:limit]]
    return RecordRows(
        columns=[one.name for one in table.columns], rows=rows, next_after=rows[-1][table.id.name] if len(found) > limit else None
    )


def _row(table: Table, record: Any) -> dict[str, Any]:
    return {column.name: None if (value := getattr(record, column.target)) is None else column.write(value) for column in table.columns}


async def _invoices(db: Database, tenant_id: str, *, after: str | None, limit: int) -> RecordRows:
    found = await invoices_by_id(db, tenant_id, after=after, limit=limit + 1)
    columns = list(InvoiceSummary.__struct_fields__)
    rows = [{name: msgspec.to_builtins(getattr(invoice, name)) for name in columns} for invoice in found[:limit]]
    return RecordRows(columns=columns, rows=rows, next_after=found[limit - 1].invoice_id if len(found) > limit else None)
