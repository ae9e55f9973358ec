"""Statements of the hot path: built from SQLAlchemy Core once, compiled once for each kind of database, and only bound at each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Dialect, ReturnsRows
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from holdfast.records.database.json_text import decode_json, encode_json, encode_json_for_postgres

_Convert = Callable[[Any], Any]
Row = tuple[Any, ...]

_SQLITE: Dialect = pysqlite.dialect(paramstyle="qmark", json_serializer=encode_json, json_deserializer=decode_json)
_POSTGRES: Dialect = psycopg.dialect(  # type: ignore[no-untyped-call]
    paramstyle="format", json_serializer=encode_json_for_postgres, json_deserializer=decode_json
)


class Prepared:
    """A statement of SQLAlchemy Core that is made once, at import, and executed by `HotTransaction.execute`.

    Its parameters are named `bindparam`s; values that the statement itself contains are constants. An `insert` or `update` names the values
    of all columns that have a default in Python: such defaults are not applied. Parameters and rows mean what they mean in the ORM
    (UuidText, Timestamp, Json, ...).

    The first use compiles it. Raises ValueError then for a statement that cannot be compiled once: one with `in_()` of a parameter, or
    with a default in Python.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement

    def __repr__(self) -> str:
        return f"Prepared({self.sqlite.sql!r})"

    @cached_property
    def sqlite(self) -> CompiledStatement:
        """The statement for SQLite, with `?` for its parameters."""
        return CompiledStatement(self._statement, _SQLITE)

    @cached_property
    def postgres(self) -> CompiledStatement:
        """The statement for Postgres, with `%s` for its parameters."""
        return CompiledStatement(self._statement, _POSTGRES)


class CompiledStatement:
    """A statement for one kind of database: its text, and how parameters and rows are converted."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        defaults = [column.name for column in (*compiled.insert_prefetch, *compiled.update_prefetch)]
        if defaults:
            raise ValueError(f"a prepared statement names the value of every column with a default; these are missing: {defaults}")
        self.sql = compiled.string
        names = compiled.positiontup or []
        if any(compiled.binds[name].expanding for name in names):
            raise ValueError("a prepared statement has no in_() with a parameter")
        self._names = names
        self._parameters = [_parameter(compiled, name, dialect) for name in names]
        self._without_conversion = all(name is not None and convert is None for name, convert, _ in self._parameters)
        self._columns = _columns(statement, dialect)

    def bind(self, params: Mapping[str, Any]) -> list[Any]:
        """The values in the statement's order, as the driver takes them. Raises KeyError for a missing parameter."""
        if self._without_conversion:
            return [params[name] for name in self._names]
        return [
            constant if name is None else params[name] if convert is None else convert(params[name])
            for name, convert, constant in self._parameters
        ]

    def rows(self, fetched: Sequence[Row]) -> list[Row]:
        """The driver's rows, with the values that the columns' types give."""
        columns = self._columns
        if not columns:
            return list(fetched)
        rows = []
        for row in fetched:
            values = list(row)
            for index, convert in columns:
                values[index] = convert(values[index])
            rows.append(tuple(values))
        return rows


def _parameter(compiled: SQLCompiler, name: str, dialect: Dialect) -> tuple[str | None, _Convert | None, Any]:
    """The name of a parameter and how to convert its value; a constant has no name, and is converted here."""
    bound = compiled.binds[name]
    convert: _Convert | None = bound.type.dialect_impl(dialect).bind_processor(dialect)
    if bound.required:
        return name, convert, None
    value = bound.effective_value
    return None, None, value if convert is None else convert(value)


def _columns(statement: ClauseElement, dialect: Dialect) -> list[tuple[int, _Convert]]:
    if not isinstance(statement, ReturnsRows):
        return []
    converts = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in statement.exported_columns]
    return [(index, convert) for index, convert in enumerate(converts) if convert is not None]
