"""Records as rows of a table: what an import reads, and what a list and an export return."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

RecordKind = Literal["clients", "contacts", "services", "invoices"]
ImportKind = Literal["clients", "contacts", "services"]
TableFormat = Literal["csv", "json"]

MAX_CONTENT_BYTES = 5 * 1024 * 1024
MAX_ROWS = 10_000
MAX_PAGE_ROWS = 1_000


class RecordImport(Struct, frozen=True, kw_only=True, rename="camel"):
    """Rows to create and to change, as text in one of the formats."""

    format: TableFormat
    content: str
    dry_run: bool = False


class ImportResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an import has done, or with `dry_run` would have done."""

    created: int
    updated: int
    unchanged: int
    dry_run: bool


class RecordRows(Struct, frozen=True, kw_only=True, rename="camel"):
    """Rows in the order of their ids, with the names of the columns as fields. `next_after` is for the rows after them, None at the end."""

    columns: list[str]
    rows: list[dict[str, Any]]
    next_after: str | None
