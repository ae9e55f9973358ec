"""Column types that mean the same on SQLite and on Postgres, and the declarative base every table of Holdfast shares."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, MetaData, String, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator, TypeEngine

# On Postgres a native uuid; on SQLite its 36-character text, so that a person reading the file sees the id that Holdfast prints.
UuidText: TypeEngine[str] = String(36).with_variant(Uuid(as_uuid=False), "postgresql")

# none_as_null: a missing document is SQL NULL; the JSON value `null` would pass a NOT NULL column.
Json: TypeEngine[Any] = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

# A JSON value that may itself be `null`, such as what an extension stores.
JsonValue: TypeEngine[Any] = JSON().with_variant(JSONB(), "postgresql")


class Timestamp(TypeDecorator[datetime]):
    """An instant. Goes in and comes out as an aware datetime in UTC; SQLite, which has no zones, stores UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        return _to_sqlite if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: Any) -> Callable[[Any], Any] | None:
        return _from_sqlite if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a timestamp needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _to_sqlite(value: datetime | None) -> str | None:
    # The same text as SQLAlchemy's own, in a third of the time.
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a timestamp needs a time zone")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _from_sqlite(text: str | None) -> datetime | None:
    if text is None:
        return None
    value = datetime.fromisoformat(text)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData()


def utc_now() -> datetime:
    """The default clock."""
    return datetime.now(UTC)
