"""Reads the text of an import: CSV with a line of headings, or a JSON array of objects. Every row keeps the line it begins at.

CSV is as RFC 4180 describes it, in UTF-8, with a comma between the values.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from holdfast.contract.record_tables import MAX_CONTENT_BYTES, MAX_ROWS, TableFormat
from holdfast.records.billing.tables.columns import Column, Table, WrongValue
from holdfast.records.billing.tables.errors import RecordsError, RowErrors

_SPACE = re.compile(r"[ \t\r\n]*")


class Row(Struct, frozen=True):
    """A row: the line that it begins at, and the values of the model's attributes that it states."""

    line: int
    values: dict[str, Any]


def read_rows(table: Table, content: str, kind: TableFormat) -> list[Row]:
    """The rows of an import. Raises RecordsError with every value that is wrong."""
    content = content.removeprefix("\ufeff")
    if len(content) > MAX_CONTENT_BYTES or len(content.encode("utf-8", "surrogatepass")) > MAX_CONTENT_BYTES:
        raise RecordsError(
            "records_too_large", f"The text has more than {MAX_CONTENT_BYTES >> 20} MiB.", hint="Import it in several parts."
        )
    errors = RowErrors()
    names = {column.name: column for column in table.columns}
    rows: list[Row] = []
    for line, values in _raw_csv(content, names, errors) if kind == "csv" else _raw_json(content, errors):
        if len(rows) == MAX_ROWS:
            raise RecordsError("records_too_large", f"The text has more than {MAX_ROWS} rows.", hint="Import it in several parts.")
        rows.append(Row(line, _values(line, values, names, errors)))
        _check_label(rows[-1], values, table, errors)
    errors.raise_if_any()
    return rows


def _values(line: int, values: Mapping[str, Any], names: Mapping[str, Column], errors: RowErrors) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in values.items():
        column = names.get(name)
        if column is None:
            errors.add(line, name, f"is not a column; the columns are {', '.join(names)}")
        elif value is None or (isinstance(value, str) and not value.strip()):
            read[column.target] = column.default
        else:
            try:
                read[column.target] = column.read(value)
            except WrongValue as wrong:
                errors.add(line, name, str(wrong))
    return read


def _check_label(row: Row, given: Mapping[str, Any], table: Table, errors: RowErrors) -> None:
    has_id = row.values.get(table.id.target) is not None
    label = row.values.get(table.label.target)
    stated = table.label.name in given
    if (stated and label is None and table.label.target in row.values) or (not stated and not has_id):
        errors.add(row.line, table.label.name, "is required")


def _raw_csv(content: str, names: Mapping[str, Column], errors: RowErrors) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    headings: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            begins, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if headings is None:
                headings = [cell.strip() for cell in cells]
                if not _check_headings(begins, headings, names, errors):
                    return
            elif len(cells) != len(headings):
                errors.add(begins, None, f"has {len(cells)} values; the headings are {len(headings)}")
            else:
                yield begins, dict(zip(headings, cells, strict=True))
    except csv.Error as error:
        errors.add(line, None, f"is not valid CSV: {error}")
    if headings is None:
        errors.add(1, None, f"must be a line of headings, such as {','.join(list(names)[:3])}")


def _check_headings(line: int, headings: list[str], names: Mapping[str, Column], errors: RowErrors) -> bool:
    wrong = [heading for heading in dict.fromkeys(headings) if heading not in names]
    twice = [heading for heading in dict.fromkeys(headings) if headings.count(heading) > 1 and heading in names]
    for heading in wrong:
        errors.add(line, heading, f"is not a column; the columns are {', '.join(names)}")
    for heading in twice:
        errors.add(line, heading, "is there twice")
    return not wrong and not twice


def _raw_json(content: str, errors: RowErrors) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSON array, one by one, so that each has its line."""
    decoder, position, line = json.JSONDecoder(), _skip(content, 0), 1
    if content[position : position + 1] != "[":
        errors.add(1, None, "must be a JSON array of objects")
        return
    counted = 0
    position = _skip(content, position + 1)
    while content[position : position + 1] != "]":
        line, counted = line + content.count("\n", counted, position), position
        try:
            value, position = decoder.raw_decode(content, position)
        except json.JSONDecodeError as error:
            errors.add(error.lineno, None, f"is not valid JSON: {error.msg}")
            return
        except (RecursionError, ValueError):
            errors.add(line, None, "is nested too deeply, or has a number that is too long")
            return
        if isinstance(value, dict):
            yield line, value
        else:
            errors.add(line, None, "must be a JSON object")
        position = _skip(content, position)
        separator = content[position : position + 1]
        if separator == ",":
            position = _skip(content, position + 1)
        elif separator != "]":
            errors.add(line + content.count("\n", counted, position), None, "is not valid JSON: a comma or ] must follow")
            return
    if content[_skip(content, position + 1) :]:
        errors.add(line, None, "is not valid JSON: there is more after the array")


def _skip(content: str, position: int) -> int:
    found = _SPACE.match(content, position)
    assert found is not None
    return found.end()
