"""Publishing: who owns a publisher's name, what was uploaded, what a version declares, what an install waits for; services and invoices.

A migration stands on its own: it names its types here and never imports the models, which move on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

UUID = sa.String(36).with_variant(sa.Uuid(as_uuid=False), "postgresql")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)
NO_ITEMS = sa.text("'[]'")


def upgrade() -> None:
    _registry()
    _services()
    _invoices()


def _registry() -> None:
    op.add_column("extension_version", sa.Column("egress", DOCUMENT, nullable=False, server_default=NO_ITEMS))
    op.add_column("extension_version", sa.Column("manifest", DOCUMENT))
    op.add_column("extension_version", sa.Column("published_tenant", sa.String(255)))
    op.add_column("extension_version", sa.Column("published_by", sa.String(255)))
    op.add_column("extension_version", sa.Column("yanked_at", INSTANT))
    op.add_column("extension_version", sa.Column("yanked_reason", sa.Text))
    op.add_column("tenant_extension_install", sa.Column("previous", DOCUMENT))
    op.add_column("tenant_extension_install", sa.Column("pending", DOCUMENT))
    op.create_table(
        "extension_publisher",
        sa.Column("publisher", sa.String(255), nullable=False),
        sa.Column("tenant_id", sa.String(255)),
        sa.Column("signing_key_id", sa.String(64)),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("publisher"),
    )
    op.create_table(
        "extension_upload",
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("filename", sa.String(255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("declared_hash", sa.String(64)),
        sa.Column("content_hash", sa.String(64)),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("extension_upload_tenant_idx", "extension_upload", ["tenant_id"])
    op.create_index("extension_upload_created_idx", "extension_upload", ["created_at"])
    op.create_table(
        "extension_pending_object",
        sa.Column("id", UUID, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("extension_pending_object_key_idx", "extension_pending_object", ["key"])
    op.create_index("extension_pending_object_created_idx", "extension_pending_object", ["created_at"])
    op.create_table(
        "extension_event_subscription",
        sa.Column("id", UUID, nullable=False),
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("install_id", UUID, nullable=False),
        sa.Column("topic", sa.String(255), nullable=False),
        sa.Column("handler", sa.String(255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["install_id"], ["tenant_extension_install.id"], ondelete="CASCADE"),
    )
    op.create_index("extension_event_subscription_tenant_topic_idx", "extension_event_subscription", ["tenant_id", "topic"])
    op.create_table(
        "extension_audit_logs",
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("log_id", UUID, nullable=False),
        sa.Column("event_type", sa.String(100), nullable=False),
        sa.Column("user_id", sa.String(255)),
        sa.Column("user_email", sa.String(255)),
        sa.Column("resource_type", sa.String(50)),
        sa.Column("resource_id", sa.String(255)),
        sa.Column("resource_name", sa.String(255)),
        sa.Column("workflow_id", sa.String(255)),
        sa.Column("status", sa.String(50)),
        sa.Column("error_message", sa.Text),
        sa.Column("details", DOCUMENT),
        sa.Column("ip_address", sa.String(45)),
        sa.Column("user_agent", sa.Text),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "log_id"),
    )
    op.create_index("extension_audit_logs_tenant_created_idx", "extension_audit_logs", ["tenant", "created_at"])
    op.create_table(
        "ext_storage_removals",
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("extension_install_id", UUID, nullable=False),
        sa.Column("remove_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "extension_install_id"),
    )
    op.create_index("ext_storage_removals_due_idx", "ext_storage_removals", ["remove_at"])


def _services() -> None:
    op.create_table(
        "services",
        sa.Column("service_id", UUID, nullable=False),
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("service_name", sa.String(255), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("item_kind", sa.String(16), nullable=False),
        sa.Column("billing_method", sa.String(16), nullable=False),
        sa.Column("service_type_id", UUID),
        sa.Column("service_type_name", sa.String(255)),
        sa.Column("default_rate", sa.BigInteger, nullable=False),
        sa.Column("unit_of_measure", sa.String(64)),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("sku", sa.String(64)),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("service_id"),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], ondelete="CASCADE"),
        sa.CheckConstraint("item_kind IN ('service', 'product')", name="services_item_kind_chk"),
        sa.CheckConstraint("billing_method IN ('fixed', 'hourly', 'usage')", name="services_billing_method_chk"),
    )
    op.create_index("services_tenant_name_idx", "services", ["tenant", "service_name"])


def _invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("invoice_id", UUID, nullable=False),
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("client_id", UUID, nullable=False),
        sa.Column("invoice_number", sa.String(64), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("is_manual", sa.Boolean, nullable=False),
        sa.Column("invoice_date", sa.Date, nullable=False),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("po_number", sa.String(128)),
        sa.Column("currency_code", sa.String(3), nullable=False),
        sa.Column("subtotal", sa.BigInteger, nullable=False),
        sa.Column("tax", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("extension_install_id", UUID),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("invoice_id"),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], ondelete="CASCADE"),
        sa.UniqueConstraint("tenant", "invoice_number", name="invoices_tenant_number_uq"),
    )
    op.create_index("invoices_tenant_client_idx", "invoices", ["tenant", "client_id"])
    op.create_table(
        "invoice_charges",
        sa.Column("item_id", UUID, nullable=False),
        sa.Column("invoice_id", UUID, nullable=False),
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("service_id", UUID),
        sa.Column("description", sa.String(500), nullable=False),
        sa.Column("quantity", sa.Float, nullable=False),
        sa.Column("rate", sa.BigInteger, nullable=False),
        sa.Column("is_discount", sa.Boolean, nullable=False),
        sa.Column("discount_type", sa.String(16)),
        sa.Column("applies_to_item_id", UUID),
        sa.Column("applies_to_service_id", UUID),
        sa.Column("net_amount", sa.BigInteger, nullable=False),
        sa.Column("tax_amount", sa.BigInteger, nullable=False),
        sa.Column("total_price", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("item_id"),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.invoice_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["service_id"], ["services.service_id"], ondelete="SET NULL"),
        sa.CheckConstraint("discount_type IN ('percentage', 'fixed')", name="invoice_charges_discount_type_chk"),
    )
    op.create_index("invoice_charges_invoice_idx", "invoice_charges", ["tenant", "invoice_id"])
