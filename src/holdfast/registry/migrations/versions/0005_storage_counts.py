"""Storage: how many keys each namespace has, and an index by install of what expires.

Both make the cost of a write independent of how much an install stores. The counts start with the records that are there.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

UUID = sa.String(36).with_variant(sa.Uuid(as_uuid=False), "postgresql")
EXPIRES = sa.text("ttl_expires_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "ext_storage_namespaces",
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("extension_install_id", UUID, nullable=False),
        sa.Column("namespace", sa.String(length=128), nullable=False),
        sa.Column("keys_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "extension_install_id", "namespace"),
    )
    op.execute(
        "INSERT INTO ext_storage_namespaces (tenant, extension_install_id, namespace, keys_count) "
        "SELECT tenant, extension_install_id, namespace, count(*) FROM ext_storage_records GROUP BY tenant, extension_install_id, namespace"
    )
    op.create_index(
        "ext_storage_records_expiry_idx",
        "ext_storage_records",
        ["tenant", "extension_install_id", "ttl_expires_at"],
        sqlite_where=EXPIRES,
        postgresql_where=EXPIRES,
    )
