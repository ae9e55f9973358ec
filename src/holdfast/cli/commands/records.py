"""`holdfast records`: the clients, contacts, services and invoices of a tenant, as CSV and JSON."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from holdfast.cli.terminal.clients import open_record_tables
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import note, print_bytes, print_json, print_lines, print_table
from holdfast.client.records.files import all_records, as_text, cell_of, format_of, places_of, read_import, write_export
from holdfast.contract.record_tables import ImportKind, RecordKind, TableFormat
from holdfast.errors import HoldfastError

records = App(name="records", help="Import, export and list clients, contacts, services and invoices.", version_flags=[])

Format = Annotated[
    TableFormat | None, Parameter("--format", help="Format of the table. Default: that of the file name, else csv.", show_default=False)
]

_SHOWN: dict[RecordKind, tuple[str, ...]] = {
    "clients": ("client_name", "client_type", "default_currency_code", "billing_email", "is_inactive", "client_id"),
    "contacts": ("full_name", "email", "client_id", "contact_id"),
    "services": ("service_name", "item_kind", "billing_method", "default_rate", "tax_percent", "is_active", "service_id"),
    "invoices": ("invoice_number", "status", "client_name", "invoice_date", "total", "currency_code", "invoice_id"),
}
"""The columns that fit into a terminal. The first one sorts the list."""


@records.command(name="import")
async def import_table(
    kind: ImportKind,
    file: str,
    *,
    table_format: Format = None,
    dry_run: Annotated[bool, Parameter(negative="", help="Check every row, and change nothing.")] = False,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Create and change records: all rows of a table, or none.

    A row with the id of a record, or without an id the name of one, changes that record. Any other row creates one.

    Args:
        kind: What the rows are.
        file: A file with headings, or a JSON array of objects; - for stdin.
    """
    given = await asyncio.to_thread(read_import, file, table_format, dry_run=dry_run)
    async with open_record_tables(target, missing="create") as tables:
        try:
            result = await tables.import_records(kind, given)
        except HoldfastError as error:
            if not json:
                for place in places_of(error, file):
                    note(place)
            raise
    if json:
        print_json(msgspec.to_builtins(result))
        return
    done = "Would import" if result.dry_run else "Imported"
    print_lines(f"{done} {kind}: {result.created} created, {result.updated} changed, {result.unchanged} unchanged")


@records.command
async def export(
    kind: RecordKind,
    *,
    output: Annotated[Path | None, Parameter(("--output", "-o"), help="File to write. Default: stdout.", show_default=False)] = None,
    table_format: Format = None,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Write all records of a kind as a table. An import reads that of clients, contacts and services.

    Args:
        kind: What to export.
    """
    async with open_record_tables(target) as tables:
        columns, rows = await all_records(tables, kind)
    if json and output is None:
        print_json({kind: rows})
        return
    text = as_text(columns, rows, format_of(None if output is None else str(output), table_format))
    if output is None:
        print_bytes(text.encode())
        return
    await asyncio.to_thread(write_export, text, output)
    if json:
        print_json({"output": str(output), "count": len(rows)})
    else:
        note(f"Wrote {len(rows)} {kind} to {output}")


@records.command(name="list")
async def list_records(kind: RecordKind, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """List the records of a kind.

    Args:
        kind: What to list.
    """
    async with open_record_tables(target) as tables:
        _, rows = await all_records(tables, kind)
    shown = _SHOWN[kind]
    rows.sort(key=lambda row: (str(row.get(shown[0]) or "").lower(), str(row.get(shown[-1]))))
    if json:
        print_json({kind: rows})
        return
    if not rows:
        note(f"This tenant has no {kind}." + ("" if kind == "invoices" else f" Import some with: holdfast records import {kind} FILE"))
        return
    headings = [column.upper().replace("_", " ") for column in shown]
    print_table(headings, [[cell_of(row.get(column)) for column in shown] for row in rows])
