"""Quotas of one install: limits that it has of its own, in place of those of the settings.

A migration stands on its own: it names its columns here and never imports the models, which move on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

QUOTAS = ("calls", "cpu_ms", "fuel", "egress_bytes", "storage_bytes")


def upgrade() -> None:
    # Columns without a default change the catalogue and no row, on both databases; null means the limit of the settings.
    for quota in QUOTAS:
        op.add_column("tenant_extension_install", sa.Column(f"quota_{quota}", sa.BigInteger(), nullable=True))
