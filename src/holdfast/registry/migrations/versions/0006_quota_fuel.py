"""Fuel in the table of quotas: the quotas of a day count it too.

A migration stands on its own: it names its columns here and never imports the models, which move on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # A column with a constant default changes the catalogue and no row, on both databases.
    op.add_column("extension_quota_usage", sa.Column("fuel", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
