"""The files of imports and exports."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from holdfast.client.records.protocol import RecordTables
from holdfast.contract.record_tables import MAX_CONTENT_BYTES, MAX_PAGE_ROWS, RecordImport, RecordKind, TableFormat
from holdfast.errors import CodedError, HoldfastError

STDIN = "-"


class RecordFileError(CodedError):
    """Raised when the file of an import cannot be read, or that of an export cannot be written."""

    STATUSES: ClassVar = {
        # The file does not exist, is too large, or is not UTF-8.
        "record_file_unreadable": 400,
        "record_file_not_written": 500,
    }


def format_of(file: str | None, given: TableFormat | None) -> TableFormat:
    """The format that was chosen, else that of the file's name, else CSV."""
    if given is not None:
        return given
    return "json" if file is not None and file.lower().endswith(".json") else "csv"


def read_import(file: str, kind: TableFormat | None, *, dry_run: bool) -> RecordImport:
    """What to import, from a file or, for `-`, from stdin. Raises RecordFileError."""
    try:
        raw = _read_at_most(file, MAX_CONTENT_BYTES + 1)
        if len(raw) > MAX_CONTENT_BYTES:
            raise RecordFileError(
                "record_file_unreadable", f"{file} has more than {MAX_CONTENT_BYTES >> 20} MiB.", hint="Import it in several parts."
            )
        content = raw.decode("utf-8")
    except OSError as error:
        raise RecordFileError("record_file_unreadable", f"Cannot read {file}: {error.strerror}.", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise RecordFileError("record_file_unreadable", f"{file} is not UTF-8 text.", hint="Save it in UTF-8.") from error
    return RecordImport(format=format_of(file, kind), content=content, dry_run=dry_run)


def _read_at_most(file: str, limit: int) -> bytes:
    if file == STDIN:
        return sys.stdin.buffer.read(limit)
    with Path(file).open("rb") as opened:
        return opened.read(limit)


async def all_records(tables: RecordTables, kind: RecordKind) -> tuple[list[str], list[dict[str, Any]]]:
    """The names of the columns, and the rows of all pages."""
    after: str | None = None
    rows: list[dict[str, Any]] = []
    while True:
        page = await tables.read_records(kind, after=after, limit=MAX_PAGE_ROWS)
        rows += page.rows
        after = page.next_after
        if after is None:
            return page.columns, rows


def as_text(columns: list[str], rows: list[dict[str, Any]], kind: TableFormat) -> str:
    """The rows as text that an import reads again."""
    if kind == "json":
        return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n"
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell_of(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def cell_of(value: Any) -> str:
    """A value as the text of a cell."""
    if value is None:
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def write_export(text: str, file: Path) -> None:
    """Writes an export. Raises RecordFileError."""
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise RecordFileError("record_file_not_written", f"Cannot write {file}: {error.strerror}.", hint="Check the path.") from error


def places_of(error: HoldfastError, file: str) -> Iterator[str]:
    """The errors of a refused import, each as `file:line: column: message`."""
    details = error.details if isinstance(error.details, dict) else {}
    found = details.get("errors")
    if not isinstance(found, list):
        return
    for one in found:
        column = "" if one.get("column") is None else f"{one['column']}: "
        yield f"{file}:{one.get('line')}: {column}{one.get('message')}"
    more = details.get("total", 0) - len(found)
    if more > 0:
        yield f"{file}: {more} more"
