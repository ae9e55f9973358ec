"""What invoices need: their numbers, the keys that make their creation idempotent, and tax. Administrators get the permissions for it.

It adds tables, columns and permissions, and changes no row that exists.

A migration stands on its own: it names its tables here and never imports the models, which change later.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

UUID = sa.String(36).with_variant(sa.Uuid(as_uuid=False), "postgresql")
PERMISSIONS = (
    *(("client", "read"), ("client", "write"), ("service", "read"), ("service", "write")),
    *(("invoice", "read"), ("invoice", "create")),
)

_roles = sa.table("roles", sa.column("role_id", UUID), sa.column("tenant", UUID), sa.column("role_name"))
_permissions = sa.table(
    "permissions",
    *(sa.column("permission_id", UUID), sa.column("tenant", UUID), sa.column("resource"), sa.column("action")),
    *(sa.column("msp", sa.Boolean()), sa.column("client", sa.Boolean())),
)
_grants = sa.table("role_permissions", sa.column("role_id", UUID), sa.column("permission_id", UUID), sa.column("tenant", UUID))


def upgrade() -> None:
    op.create_table(
        "invoice_counters",
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant"),
    )
    op.add_column("clients", sa.Column("is_tax_exempt", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("services", sa.Column("tax_rate_ppm", sa.Integer(), server_default="0", nullable=False))
    op.add_column("invoices", sa.Column("idempotency_key", sa.String(128), nullable=True))
    op.add_column("invoices", sa.Column("request_hash", sa.String(64), nullable=True))
    op.create_index("invoices_install_key_uq", "invoices", ["tenant", "extension_install_id", "idempotency_key"], unique=True)
    op.add_column("invoice_charges", sa.Column("discount_percentage", sa.Float(), nullable=True))
    op.add_column("invoice_charges", sa.Column("position", sa.Integer(), server_default="0", nullable=False))
    _permit_administrators()


def _permit_administrators() -> None:
    """Grants every role Admin what a new one has. What a tenant already has stays as it is."""
    database = op.get_bind()
    for role_id, tenant in database.execute(sa.select(_roles.c.role_id, _roles.c.tenant).where(_roles.c.role_name == "Admin")).all():
        for resource, action in PERMISSIONS:
            named = sa.and_(_permissions.c.tenant == tenant, _permissions.c.resource == resource, _permissions.c.action == action)
            permission_id = database.scalar(sa.select(_permissions.c.permission_id).where(named))
            if permission_id is None:
                permission_id = str(uuid.uuid4())
                new = {"permission_id": permission_id, "tenant": tenant, "resource": resource, "action": action}
                database.execute(_permissions.insert().values(**new, msp=True, client=False))
            granted = sa.and_(_grants.c.role_id == role_id, _grants.c.permission_id == permission_id)
            if database.scalar(sa.select(_grants.c.role_id).where(granted)) is None:
                database.execute(_grants.insert().values(role_id=role_id, permission_id=permission_id, tenant=tenant))
