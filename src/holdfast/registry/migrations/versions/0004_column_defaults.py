"""Defaults of columns, as the tables of the existing platform have them: its install script inserts rows without these values.

Only on Postgres, where that script works. Setting a default changes the catalogue and no row. SQLite could do it only by copying whole
tables, and nothing but Holdfast, which sends every value, writes to them.

A migration stands on its own: it names its columns here and never imports the models, which move on.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

CREATED = ("created_at",)
CREATED_UPDATED = ("created_at", "updated_at")

NOW = {
    "tenants": CREATED,
    "clients": CREATED,
    "users": CREATED,
    "sessions": CREATED,
    "api_keys": CREATED,
    "services": CREATED,
    "invoices": CREATED,
    "extension_registry": CREATED_UPDATED,
    "extension_version": CREATED,
    "extension_bundle": CREATED,
    "extension_api_endpoint": CREATED_UPDATED,
    "tenant_extension_install": CREATED_UPDATED,
    "tenant_extension_install_config": CREATED_UPDATED,
    "tenant_extension_install_secrets": CREATED_UPDATED,
    "tenant_extension_schedule": CREATED_UPDATED,
    "extension_execution_log": ("started_at",),
    "extension_publisher": CREATED,
    "extension_upload": CREATED,
    "extension_pending_object": CREATED,
    "extension_event_subscription": CREATED,
    "extension_audit_logs": CREATED,
    "ext_storage_records": CREATED_UPDATED,
    "ext_storage_schemas": CREATED_UPDATED,
    "ext_storage_usage": ("updated_at",),
    "ext_storage_removals": CREATED,
}
RANDOM_ID = {
    "tenants": "tenant",
    "clients": "client_id",
    "contacts": "contact_name_id",
    "users": "user_id",
    "roles": "role_id",
    "permissions": "permission_id",
    "api_keys": "api_key_id",
    "services": "service_id",
    "invoices": "invoice_id",
    "invoice_charges": "item_id",
    "extension_registry": "id",
    "extension_version": "id",
    "extension_bundle": "id",
    "extension_api_endpoint": "id",
    "tenant_extension_install": "id",
    "tenant_extension_install_config": "id",
    "tenant_extension_install_secrets": "id",
    "tenant_extension_schedule": "id",
    "extension_execution_log": "id",
    "extension_pending_object": "id",
    "extension_event_subscription": "id",
    "extension_audit_logs": "log_id",
}
# By table and column, as SQL.
OTHERS = {
    "clients": {"is_inactive": "false"},
    "users": {"user_type": "'internal'", "is_inactive": "false"},
    "roles": {"msp": "true", "client": "false"},
    "permissions": {"msp": "true", "client": "false"},
    "api_keys": {"scopes": "'[]'", "revoked": "false"},
    "services": {"item_kind": "'service'", "billing_method": "'fixed'", "default_rate": "0", "is_active": "true"},
    "invoices": {"status": "'draft'", "is_manual": "true", "currency_code": "'USD'", "tax": "0"},
    "invoice_charges": {"is_discount": "false", "tax_amount": "0"},
    "extension_version": {"api": "'{}'", "capabilities": "'[]'", "api_endpoints": "'[]'"},
    "tenant_extension_install": {
        "granted_caps": "'[]'",
        "granted_egress": "'[]'",
        "config": "'{}'",
        "is_enabled": "true",
        "status": "'enabled'",
        "runner_status": """'{"state": "pending"}'""",
    },
    "tenant_extension_install_config": {"config": "'{}'", "providers": "'[]'", "version": "(gen_random_uuid())::text"},
    "tenant_extension_schedule": {"timezone": "'UTC'", "enabled": "true"},
    "extension_quota_usage": {"cpu_ms": "0", "mem_mb_ms": "0", "invocations": "0", "egress_bytes": "0"},
    "ext_storage_records": {"revision": "1", "metadata": "'{}'", "value_size_bytes": "0", "metadata_size_bytes": "0"},
    "ext_storage_schemas": {"status": "'active'"},
    "ext_storage_usage": {"bytes_used": "0", "keys_count": "0", "namespaces_count": "0"},
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, column, value in _defaults():
        op.alter_column(table, column, server_default=sa.text(value.replace(":", "\\:")))


def _defaults() -> Iterator[tuple[str, str, str]]:
    """Table, column, and the default as SQL."""
    for table, columns in NOW.items():
        for column in columns:
            yield table, column, "now()"
    for table, column in RANDOM_ID.items():
        yield table, column, "gen_random_uuid()"
    for table, values in OTHERS.items():
        for column, value in values.items():
            yield table, column, value
