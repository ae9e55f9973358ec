"""Tables of schedules, besides `tenant_extension_schedule`, which belongs to installs: what is due next, every run, and who runs them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.records.database.columns import Base, Timestamp, UuidText

RUNNING = text("status = 'running'")
OPEN = text("status IN ('due', 'running')")
"""Conditions of partial indexes."""

RUN_IS_OPEN = text("extension_schedule_run.status IN ('due', 'running')")
"""For queries: with bound parameters instead of this text, SQLite does not use the index of open runs, and reads the whole history."""

RUN_STATUSES = ("due", "running", "success", "error", "skipped", "missed")
"""`due`: waits to be started. `skipped`: not run, because the schedule or the install was disabled meanwhile, or an earlier run was not
over. `missed`: not run, because no scheduler was there at that time."""


class ScheduleCursor(Base):
    """How far a schedule has been considered: `next_due_at` is its next due time, None when it is disabled or never due.

    `cron`, `timezone` and `enabled` are what the time was computed from: a row of `tenant_extension_schedule` that differs is new, or was
    changed, by whatever program.
    """

    __tablename__ = "extension_schedule_cursor"
    __table_args__ = (Index("extension_schedule_cursor_due_idx", "next_due_at"),)

    schedule_id: Mapped[str] = mapped_column(UuidText, primary_key=True)
    cron: Mapped[str] = mapped_column(Text)
    timezone: Mapped[str] = mapped_column(String(64))
    enabled: Mapped[bool]
    next_due_at: Mapped[datetime | None] = mapped_column(Timestamp)


class ScheduleRun(Base):
    """One due time of a schedule, or one `run now` (`cause` is `manual`), and how it ended. Its id is the idempotency key of its calls."""

    __tablename__ = "extension_schedule_run"
    __table_args__ = (
        UniqueConstraint("schedule_id", "cause", "due_at", name="extension_schedule_run_due_uq"),
        CheckConstraint(f"status IN {RUN_STATUSES}", name="extension_schedule_run_status_chk"),
        # At most one run of a schedule at a time.
        Index("extension_schedule_run_running_uq", "schedule_id", unique=True, sqlite_where=RUNNING, postgresql_where=RUNNING),
        Index("extension_schedule_run_open_idx", "created_at", sqlite_where=OPEN, postgresql_where=OPEN),
        Index("extension_schedule_run_tenant_idx", "tenant_id", "install_id", "due_at"),
        Index("extension_schedule_run_due_idx", "due_at"),
    )

    id: Mapped[str] = mapped_column(UuidText, primary_key=True)
    schedule_id: Mapped[str] = mapped_column(UuidText)
    install_id: Mapped[str] = mapped_column(UuidText)
    tenant_id: Mapped[str] = mapped_column(String(255))
    cause: Mapped[str] = mapped_column(String(16))
    due_at: Mapped[datetime] = mapped_column(Timestamp)
    status: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    repeats: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many attempts were sent again because their result was lost: their calls may have been executed twice."""
    http_status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    started_at: Mapped[datetime | None] = mapped_column(Timestamp)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)


class SchedulerProcess(Base):
    """A scheduler: one row for each process, under the id with which the durable engine marks what it runs.

    `adopted_by` names the scheduler that took over its runs after it had not renewed `seen_at` for a lease.
    """

    __tablename__ = "extension_scheduler"
    __table_args__ = (Index("extension_scheduler_seen_idx", "seen_at"),)

    executor_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    host: Mapped[str] = mapped_column(String(255))
    started_at: Mapped[datetime] = mapped_column(Timestamp)
    seen_at: Mapped[datetime] = mapped_column(Timestamp)
    stopped_at: Mapped[datetime | None] = mapped_column(Timestamp)
    adopted_by: Mapped[str | None] = mapped_column(String(128))
