"""The history of runs, page by page."""

from __future__ import annotations

import base64
from datetime import datetime

import msgspec
from sqlalchemy import literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.contract.schedules import RunInfo, RunPage
from holdfast.errors import HoldfastError
from holdfast.records.database.uuids import as_uuid
from holdfast.schedules.tables import ScheduleRun

LIMIT_DEFAULT, LIMIT_MAX = 25, 200


class CursorInvalid(HoldfastError):
    """Raised for a cursor that no page of a history has given."""

    code = "invalid_request"
    status = 400

    def __init__(self) -> None:
        super().__init__("cursor is not one of this history.", hint="Use nextCursor of the page before.")


_Cursor = tuple[datetime, str]


async def read_history(
    session: AsyncSession, tenant_id: str, install_id: str, schedule_id: str | None, *, limit: int | None, cursor: str | None
) -> RunPage:
    """Runs, the newest due time first. Raises ValueError for an invalid cursor."""
    size = LIMIT_DEFAULT if limit is None else min(max(limit, 1), LIMIT_MAX)
    query = select(ScheduleRun).where(ScheduleRun.tenant_id == tenant_id, ScheduleRun.install_id == install_id)
    if schedule_id is not None:
        query = query.where(ScheduleRun.schedule_id == (as_uuid(schedule_id) or ScheduleRun.id))
    if cursor is not None:
        due_at, run_id = _decode(cursor)
        # With their types: PostgreSQL does not compare an id with a text.
        last = tuple_(literal(due_at, ScheduleRun.due_at.type), literal(run_id, ScheduleRun.id.type))
        query = query.where(tuple_(ScheduleRun.due_at, ScheduleRun.id) < last)
    rows = (await session.scalars(query.order_by(ScheduleRun.due_at.desc(), ScheduleRun.id.desc()).limit(size + 1))).all()
    page = [run_info(row) for row in rows[:size]]
    return RunPage(runs=page, next_cursor=_encode(page[-1]) if len(rows) > size else None)


def run_info(row: ScheduleRun) -> RunInfo:
    """A run as responses show it."""
    return RunInfo(
        id=row.id,
        schedule_id=row.schedule_id,
        cause=row.cause,
        due_at=row.due_at,
        status=row.status,
        attempts=row.attempts,
        repeats=row.repeats,
        http_status=row.http_status,
        error=row.error,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _encode(last: RunInfo) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((last.due_at, last.id))).rstrip(b"=").decode()


def _decode(cursor: str) -> _Cursor:
    try:
        due_at, run_id = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=_Cursor)
    except (ValueError, msgspec.DecodeError) as error:
        raise ValueError("this is not a cursor of the history") from error
    if due_at.tzinfo is None or as_uuid(run_id) is None:
        raise ValueError("this is not a cursor of the history")
    return due_at, run_id
