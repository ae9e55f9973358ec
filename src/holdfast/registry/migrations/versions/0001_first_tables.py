"""The first tables: people, registry, storage.

A migration stands on its own: it names its types here and never imports the models, which move on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

UUID = sa.String(36).with_variant(sa.Uuid(as_uuid=False), "postgresql")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)
SORTED_KEY = sa.String(256).with_variant(sa.String(256, collation="C"), "postgresql")


def upgrade() -> None:
    _people()
    _registry()
    _storage()


def _people() -> None:
    op.create_table(
        "tenants",
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("client_name", sa.String(length=255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant"),
    )
    op.create_table(
        "clients",
        sa.Column("client_id", UUID, nullable=False),
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("client_name", sa.String(length=255), nullable=False),
        sa.Column("client_type", sa.String(length=64), nullable=True),
        sa.Column("is_inactive", sa.Boolean(), nullable=False),
        sa.Column("default_currency_code", sa.String(length=3), nullable=True),
        sa.Column("account_manager_id", UUID, nullable=True),
        sa.Column("billing_email", sa.String(length=255), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("client_id"),
    )
    op.create_index("clients_tenant_name_idx", "clients", ["tenant", "client_name"])
    op.create_table(
        "contacts",
        sa.Column("contact_name_id", UUID, nullable=False),
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("client_id", UUID, nullable=True),
        sa.Column("full_name", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("contact_name_id"),
    )
    op.create_index("contacts_tenant_idx", "contacts", ["tenant"])
    op.create_table(
        "users",
        sa.Column("user_id", UUID, nullable=False),
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("first_name", sa.String(length=255), nullable=True),
        sa.Column("last_name", sa.String(length=255), nullable=True),
        sa.Column("hashed_password", sa.String(length=255), nullable=False),
        sa.Column("user_type", sa.String(length=16), nullable=False),
        sa.Column("contact_id", UUID, nullable=True),
        sa.Column("is_inactive", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("user_type IN ('internal', 'client')", name="users_user_type_chk"),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.contact_name_id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id"),
        sa.UniqueConstraint("email", name="users_email_uq"),
    )
    op.create_index("users_tenant_idx", "users", ["tenant"])
    op.create_table(
        "roles",
        sa.Column("role_id", UUID, nullable=False),
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("role_name", sa.String(length=255), nullable=False),
        sa.Column("msp", sa.Boolean(), nullable=False),
        sa.Column("client", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("role_id"),
        sa.UniqueConstraint("tenant", "role_name", name="roles_tenant_name_uq"),
    )
    op.create_table(
        "permissions",
        sa.Column("permission_id", UUID, nullable=False),
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("resource", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("msp", sa.Boolean(), nullable=False),
        sa.Column("client", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("permission_id"),
        sa.UniqueConstraint("tenant", "resource", "action", name="permissions_tenant_resource_action_uq"),
    )
    op.create_table(
        "role_permissions",
        sa.Column("role_id", UUID, nullable=False),
        sa.Column("permission_id", UUID, nullable=False),
        sa.Column("tenant", UUID, nullable=False),
        sa.ForeignKeyConstraint(["permission_id"], ["permissions.permission_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["role_id"], ["roles.role_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("role_id", "permission_id"),
    )
    op.create_table(
        "user_roles",
        sa.Column("user_id", UUID, nullable=False),
        sa.Column("role_id", UUID, nullable=False),
        sa.Column("tenant", UUID, nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["roles.role_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "role_id"),
    )

    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("user_id", UUID, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("sessions_expires_idx", "sessions", ["expires_at"])
    op.create_index("sessions_user_idx", "sessions", ["user_id"])
    op.create_table(
        "api_keys",
        sa.Column("api_key_id", UUID, nullable=False),
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("user_id", UUID, nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.Column("scopes", DOCUMENT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("api_key_id"),
        sa.UniqueConstraint("key_hash", name="api_keys_hash_uq"),
    )
    op.create_index("api_keys_tenant_idx", "api_keys", ["tenant"])


def _registry() -> None:
    op.create_table(
        "extension_registry",
        sa.Column("id", UUID, nullable=False),
        sa.Column("publisher", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("display_name", sa.String(length=255), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("publisher", "name", name="extension_registry_publisher_name_uq"),
    )
    op.create_index("extension_registry_publisher_name_idx", "extension_registry", ["publisher", "name"])
    op.create_table(
        "extension_version",
        sa.Column("id", UUID, nullable=False),
        sa.Column("registry_id", UUID, nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("runtime", sa.String(length=255), nullable=False),
        sa.Column("main_entry", sa.String(length=255), nullable=False),
        sa.Column("api", DOCUMENT, nullable=False),
        sa.Column("ui", DOCUMENT, nullable=True),
        sa.Column("capabilities", DOCUMENT, nullable=False),
        sa.Column("api_endpoints", DOCUMENT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["registry_id"], ["extension_registry.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("registry_id", "version", name="extension_version_registry_version_uq"),
    )
    op.create_index("extension_version_registry_version_idx", "extension_version", ["registry_id", "version"])
    op.create_table(
        "extension_bundle",
        sa.Column("id", UUID, nullable=False),
        sa.Column("version_id", UUID, nullable=False),
        sa.Column("content_hash", sa.String(length=255), nullable=False),
        sa.Column("signature", sa.Text(), nullable=True),
        sa.Column("precompiled", DOCUMENT, nullable=True),
        sa.Column("storage_url", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["extension_version.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("version_id", "content_hash", name="extension_bundle_version_hash_uq"),
    )
    op.create_index("extension_bundle_content_hash_idx", "extension_bundle", ["content_hash"])
    op.create_table(
        "extension_api_endpoint",
        sa.Column("id", UUID, nullable=False),
        sa.Column("version_id", UUID, nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("version_id", "method", "path", name="extension_api_endpoint_version_method_path_uniq"),
    )
    op.create_index("extension_api_endpoint_version_idx", "extension_api_endpoint", ["version_id"])
    op.create_table(
        "tenant_extension_install",
        sa.Column("id", UUID, nullable=False),
        sa.Column("tenant_id", sa.String(length=255), nullable=False),
        sa.Column("registry_id", UUID, nullable=False),
        sa.Column("version_id", UUID, nullable=False),
        sa.Column("granted_caps", DOCUMENT, nullable=False),
        sa.Column("granted_egress", DOCUMENT, nullable=False),
        sa.Column("config", DOCUMENT, nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("runner_domain", sa.Text(), nullable=True),
        sa.Column("runner_status", DOCUMENT, nullable=True),
        sa.Column("runner_ref", DOCUMENT, nullable=True),
        sa.CheckConstraint("status IN ('enabled', 'disabled', 'pending')", name="tenant_extension_install_status_chk"),
        sa.ForeignKeyConstraint(["registry_id"], ["extension_registry.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["extension_version.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("runner_domain", name="tenant_extension_install_runner_domain_uq"),
        sa.UniqueConstraint("tenant_id", "registry_id", name="tenant_extension_install_tenant_registry_uq"),
    )
    op.create_index("tenant_extension_install_tenant_idx", "tenant_extension_install", ["tenant_id"])
    op.create_table(
        "tenant_extension_install_config",
        sa.Column("id", UUID, nullable=False),
        sa.Column("install_id", UUID, nullable=False),
        sa.Column("tenant_id", sa.String(length=255), nullable=False),
        sa.Column("config", DOCUMENT, nullable=False),
        sa.Column("providers", DOCUMENT, nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["install_id"], ["tenant_extension_install.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("install_id", name="tenant_extension_install_config_install_uq"),
    )
    op.create_index("tenant_extension_install_config_tenant_idx", "tenant_extension_install_config", ["tenant_id"])
    op.create_index("tenant_extension_install_config_version_idx", "tenant_extension_install_config", ["install_id", "version"])
    op.create_table(
        "tenant_extension_install_secrets",
        sa.Column("id", UUID, nullable=False),
        sa.Column("install_id", UUID, nullable=False),
        sa.Column("tenant_id", sa.String(length=255), nullable=False),
        sa.Column("ciphertext", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.String(length=255), nullable=False),
        sa.Column("transit_key", sa.String(length=255), nullable=True),
        sa.Column("transit_mount", sa.String(length=255), nullable=True),
        sa.Column("version", sa.String(length=255), nullable=True),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["install_id"], ["tenant_extension_install.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("install_id", name="tenant_extension_install_secrets_install_uq"),
    )
    op.create_table(
        "tenant_extension_schedule",
        sa.Column("id", UUID, nullable=False),
        sa.Column("install_id", UUID, nullable=False),
        sa.Column("tenant_id", sa.String(length=255), nullable=False),
        sa.Column("endpoint_id", UUID, nullable=False),
        sa.Column("name", sa.String(length=128), nullable=True),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("payload_json", DOCUMENT, nullable=True),
        sa.Column("job_id", UUID, nullable=True),
        sa.Column("runner_schedule_id", sa.String(length=255), nullable=True),
        sa.Column("last_run_at", INSTANT, nullable=True),
        sa.Column("last_run_status", sa.String(length=32), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "tenant_extension_schedule_install_name_uniq",
        "tenant_extension_schedule",
        ["install_id", "name"],
        unique=True,
        sqlite_where=sa.text("name IS NOT NULL"),
        postgresql_where=sa.text("name IS NOT NULL"),
    )
    op.create_index("tenant_extension_schedule_runner_schedule_id_idx", "tenant_extension_schedule", ["runner_schedule_id"])
    op.create_index("tenant_extension_schedule_tenant_endpoint_idx", "tenant_extension_schedule", ["tenant_id", "endpoint_id"])
    op.create_index("tenant_extension_schedule_tenant_idx", "tenant_extension_schedule", ["tenant_id"])
    op.create_index("tenant_extension_schedule_tenant_install_idx", "tenant_extension_schedule", ["tenant_id", "install_id"])
    op.create_index("tenant_extension_schedule_tenant_job_idx", "tenant_extension_schedule", ["tenant_id", "job_id"])
    op.create_table(
        "extension_execution_log",
        sa.Column("id", UUID, nullable=False),
        sa.Column("tenant_id", sa.String(length=255), nullable=False),
        sa.Column("registry_id", UUID, nullable=False),
        sa.Column("version_id", UUID, nullable=False),
        sa.Column("request_id", sa.String(length=255), nullable=True),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("metrics", DOCUMENT, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "extension_execution_log_tenant_registry_started_idx", "extension_execution_log", ["tenant_id", "registry_id", "started_at"]
    )
    op.create_table(
        "extension_quota_usage",
        sa.Column("tenant_id", sa.String(length=255), nullable=False),
        sa.Column("registry_id", UUID, nullable=False),
        sa.Column("window_start", INSTANT, nullable=False),
        sa.Column("cpu_ms", sa.BigInteger(), nullable=False),
        sa.Column("mem_mb_ms", sa.BigInteger(), nullable=False),
        sa.Column("invocations", sa.BigInteger(), nullable=False),
        sa.Column("egress_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "registry_id", "window_start"),
    )
    op.create_index("extension_quota_usage_tenant_window_idx", "extension_quota_usage", ["tenant_id", "window_start"])


def _storage() -> None:
    op.create_table(
        "ext_storage_records",
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("extension_install_id", UUID, nullable=False),
        sa.Column("namespace", sa.String(length=128), nullable=False),
        sa.Column("key", SORTED_KEY, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("value", DOCUMENT, nullable=False),
        sa.Column("metadata", DOCUMENT, nullable=False),
        sa.Column("value_size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("metadata_size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("ttl_expires_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "extension_install_id", "namespace", "key"),
    )
    op.create_index("ext_storage_records_namespace_idx", "ext_storage_records", ["tenant", "extension_install_id", "namespace"])
    op.create_index(
        "ext_storage_records_ttl_idx",
        "ext_storage_records",
        ["ttl_expires_at"],
        sqlite_where=sa.text("ttl_expires_at IS NOT NULL"),
        postgresql_where=sa.text("ttl_expires_at IS NOT NULL"),
    )
    op.create_table(
        "ext_storage_schemas",
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("extension_install_id", UUID, nullable=False),
        sa.Column("namespace", sa.String(length=128), nullable=False),
        sa.Column("schema_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("schema_document", DOCUMENT, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_by", UUID, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint("status IN ('active', 'deprecated', 'draft')", name="ext_storage_schemas_status_chk"),
        sa.PrimaryKeyConstraint("tenant", "extension_install_id", "namespace", "schema_version"),
    )
    op.create_index(
        "ext_storage_schemas_namespace_active_uq",
        "ext_storage_schemas",
        ["tenant", "extension_install_id", "namespace"],
        unique=True,
        sqlite_where=sa.text("status = 'active'"),
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_table(
        "ext_storage_usage",
        sa.Column("tenant", UUID, nullable=False),
        sa.Column("extension_install_id", UUID, nullable=False),
        sa.Column("bytes_used", sa.BigInteger(), nullable=False),
        sa.Column("keys_count", sa.Integer(), nullable=False),
        sa.Column("namespaces_count", sa.Integer(), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "extension_install_id"),
    )
