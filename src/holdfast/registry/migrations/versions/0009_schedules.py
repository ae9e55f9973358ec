"""What schedules need to run: their next due times, their runs, the attempts of their calls, and the schedulers.

It adds tables, and touches no row of `tenant_extension_schedule`: that table may belong to the existing platform.

A migration stands on its own: it names its types here and never imports the models, which change later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

UUID = sa.String(36).with_variant(sa.Uuid(as_uuid=False), "postgresql")
INSTANT = sa.DateTime(timezone=True)
NONE = sa.text("0")
RUNNING = sa.text("status = 'running'")
OPEN = sa.text("status IN ('due', 'running')")


def upgrade() -> None:
    op.create_table(
        "extension_schedule_cursor",
        sa.Column("schedule_id", UUID, nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("next_due_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("schedule_id"),
    )
    op.create_index("extension_schedule_cursor_due_idx", "extension_schedule_cursor", ["next_due_at"])
    _create_runs()
    _create_attempts()
    op.create_table(
        "extension_scheduler",
        sa.Column("executor_id", sa.String(128), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("stopped_at", INSTANT, nullable=True),
        sa.Column("adopted_by", sa.String(128), nullable=True),
        sa.PrimaryKeyConstraint("executor_id"),
    )
    op.create_index("extension_scheduler_seen_idx", "extension_scheduler", ["seen_at"])


def _create_runs() -> None:
    runs = "extension_schedule_run"
    op.create_table(
        runs,
        sa.Column("id", UUID, nullable=False),
        sa.Column("schedule_id", UUID, nullable=False),
        sa.Column("install_id", UUID, nullable=False),
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=NONE, nullable=False),
        sa.Column("repeats", sa.Integer(), server_default=NONE, nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("schedule_id", "cause", "due_at", name="extension_schedule_run_due_uq"),
        sa.CheckConstraint(
            "status IN ('due', 'running', 'success', 'error', 'skipped', 'missed')", name="extension_schedule_run_status_chk"
        ),
    )
    op.create_index("extension_schedule_run_running_uq", runs, ["schedule_id"], unique=True, sqlite_where=RUNNING, postgresql_where=RUNNING)
    op.create_index("extension_schedule_run_open_idx", runs, ["created_at"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("extension_schedule_run_tenant_idx", runs, ["tenant_id", "install_id", "due_at"])
    op.create_index("extension_schedule_run_due_idx", runs, ["due_at"])


def _create_attempts() -> None:
    attempts = "extension_call_attempt"
    op.create_table(
        attempts,
        sa.Column("call_id", UUID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("install_id", UUID, nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("request_id", sa.String(255), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("code", sa.String(128), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("retryable", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("repeats", sa.Integer(), server_default=NONE, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("call_id", "number"),
        sa.CheckConstraint("status IN ('started', 'success', 'error', 'skipped')", name="extension_call_attempt_status_chk"),
    )
    op.create_index("extension_call_attempt_tenant_idx", attempts, ["tenant_id", "install_id"])
    op.create_index("extension_call_attempt_started_idx", attempts, ["started_at"])
