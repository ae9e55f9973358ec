"""Pages of records, and the search in their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, String, cast, func, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from holdfast.records.database.database import Database
from holdfast.records.database.sqlite.engine_events import LOWER

DEFAULT_PAGE_SIZE = 25
MAX_PAGE = 10_000
MAX_PAGE_SIZE = 100
MAX_SEARCH_LENGTH = 200


class Paging(Struct, frozen=True):
    """Which page: both numbers begin at 1."""

    page: int = 1
    page_size: int = DEFAULT_PAGE_SIZE


def contains_text(db: Database, columns: Sequence[InstrumentedAttribute[Any]], text: str) -> ColumnElement[bool]:
    """Whether one of the columns contains the text, in any letter case. `%` and `_` are characters like any other.

    Every column is compared as text: a UUID too, so that other text matches nothing and is no error.
    """
    pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    # SQLite's own lower() knows only ASCII.
    lower = getattr(func, LOWER) if db.is_sqlite else func.lower
    return or_(*(lower(cast(column, String)).like(lower(pattern), escape="\\") for column in columns))


async def read_page(session: AsyncSession, query: Select[*tuple[Any, ...]], paging: Paging, *order: Any) -> tuple[list[Any], int]:
    """The rows of one page, and how many rows all pages have. `order` must end with a unique column, so that pages do not overlap."""
    page = query.add_columns(func.count().over()).order_by(*order).limit(paging.page_size).offset((paging.page - 1) * paging.page_size)
    rows = (await session.execute(page)).all()
    if rows:
        return [row[:-1] for row in rows], rows[0][-1]
    if paging.page == 1:
        return [], 0
    # A page after the last one has no row that could carry the count.
    return [], await session.scalar(query.with_only_columns(func.count(), maintain_column_froms=True)) or 0
