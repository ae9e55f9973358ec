"""The audit log of calls: indexes for retention and for rows that never got an end, statistics by the minute, and who made the log.

It deletes nothing. The row of `extension_log_retention` says whether Holdfast may delete old rows later, and whether it gives notice first.

A migration stands on its own: it names its types here and never imports the models, which change later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

UUID = sa.String(36).with_variant(sa.Uuid(as_uuid=False), "postgresql")
INSTANT = sa.DateTime(timezone=True)
STARTED = sa.text("status = 'started'")
NONE = sa.text("0")
COUNTS = ("calls", "errors", "duration_ms")
BUCKETS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000)

# Tables that only the existing platform has: its install made the log, too.
SIGNS_OF_ANOTHER = ("extension_execution_log_old", "knex_migrations")


def upgrade() -> None:
    log = "extension_execution_log"
    op.create_index("extension_execution_log_started_idx", log, ["started_at"])
    op.create_index("extension_execution_log_open_idx", log, ["started_at"], sqlite_where=STARTED, postgresql_where=STARTED)
    counts = [*COUNTS, *[f"ms_{bound}" for bound in BUCKETS], "slower"]
    op.create_table(
        "extension_call_minutes",
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("registry_id", UUID, nullable=False),
        sa.Column("minute", INSTANT, nullable=False),
        *[sa.Column(name, sa.BigInteger(), server_default=NONE, nullable=False) for name in counts],
        sa.PrimaryKeyConstraint("tenant_id", "registry_id", "minute"),
    )
    op.create_index("extension_call_minutes_minute_idx", "extension_call_minutes", ["minute"])
    _record_who_made_the_log()


def _record_who_made_the_log() -> None:
    table = op.create_table(
        "extension_log_retention",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made_by_holdfast", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("needs_notice", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("notified_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    connection = op.get_bind()
    found = sa.inspect(connection)
    another = any(found.has_table(name) for name in SIGNS_OF_ANOTHER)
    has_rows = connection.execute(sa.text("SELECT 1 FROM extension_execution_log LIMIT 1")).first() is not None
    op.bulk_insert(table, [{"id": 1, "made_by_holdfast": not another, "needs_notice": has_rows, "notified_at": None}])
