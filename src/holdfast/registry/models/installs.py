"""Tables of the registry: extensions, versions, bundles, installs, schedules, the execution log. People and scripts query these
tables: the names of tables and columns are a public interface and must not change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.records.database.columns import Base, Json, Timestamp, UuidText, utc_now
from holdfast.records.database.defaults import NO_FIELDS, NO_ITEMS, NOW, RANDOM_ID, RANDOM_TEXT
from holdfast.records.database.uuids import new_id
from holdfast.registry.models.ids import private_suffix


class ExtensionRegistry(Base):
    """An extension: what its versions, public and private, have in common. It belongs to no tenant."""

    __tablename__ = "extension_registry"
    __table_args__ = (
        UniqueConstraint("publisher", "name", name="extension_registry_publisher_name_uq"),
        Index("extension_registry_publisher_name_idx", "publisher", "name"),
    )

    id: Mapped[str] = mapped_column(UuidText, primary_key=True, server_default=RANDOM_ID)
    publisher: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255))
    display_name: Mapped[str | None] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class ExtensionVersion(Base):
    """One version of an extension.

    `api_endpoints` is what the gateway matches calls against: a list of `{method, path, handler}`, normalised. `manifest` is the whole
    manifest; None for versions that another platform published. A yanked version cannot be installed; existing installs are unaffected.

    `private_tenant` is the tenant that a development install belongs to; no other tenant can find it. None: every tenant can. The column
    `version` is unique within an extension, because scripts insert with `ON CONFLICT (registry_id, version)`. So a private version has
    its tenant appended there (`private_version_key`) where another version has the plain number; `version` in Python is always the number.
    """

    __tablename__ = "extension_version"
    __table_args__ = (
        UniqueConstraint("registry_id", "version", name="extension_version_registry_version_uq"),
        Index("extension_version_registry_version_idx", "registry_id", "version"),
    )

    id: Mapped[str] = mapped_column(UuidText, primary_key=True, server_default=RANDOM_ID)
    registry_id: Mapped[str] = mapped_column(UuidText, ForeignKey("extension_registry.id", ondelete="CASCADE"))
    version_key: Mapped[str] = mapped_column("version", String(255))
    runtime: Mapped[str] = mapped_column(String(255))
    main_entry: Mapped[str] = mapped_column(String(255))
    api: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, server_default=NO_FIELDS)
    ui: Mapped[dict[str, Any] | None] = mapped_column(Json)
    capabilities: Mapped[list[str]] = mapped_column(Json, default=list, server_default=NO_ITEMS)
    api_endpoints: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list, server_default=NO_ITEMS)
    egress: Mapped[list[str]] = mapped_column(Json, default=list, server_default=NO_ITEMS)
    manifest: Mapped[dict[str, Any] | None] = mapped_column(Json)
    private_tenant: Mapped[str | None] = mapped_column(String(255))
    published_tenant: Mapped[str | None] = mapped_column(String(255))
    published_by: Mapped[str | None] = mapped_column(String(255))
    yanked_at: Mapped[datetime | None] = mapped_column(Timestamp)
    yanked_reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)

    @property
    def version(self) -> str:
        """The version number of the manifest."""
        return self.version_key if self.private_tenant is None else self.version_key.removesuffix(private_suffix(self.private_tenant))

    @version.setter
    def version(self, number: str) -> None:
        self.version_key = number


class ExtensionBundle(Base):
    """An archive of a version, by content. The one with the newest `created_at` is the active one."""

    __tablename__ = "extension_bundle"
    __table_args__ = (
        UniqueConstraint("version_id", "content_hash", name="extension_bundle_version_hash_uq"),
        Index("extension_bundle_content_hash_idx", "content_hash"),
    )

    id: Mapped[str] = mapped_column(UuidText, primary_key=True, server_default=RANDOM_ID)
    version_id: Mapped[str] = mapped_column(UuidText, ForeignKey("extension_version.id", ondelete="CASCADE"))
    content_hash: Mapped[str] = mapped_column(String(255))
    signature: Mapped[str | None] = mapped_column(Text)
    precompiled: Mapped[dict[str, Any] | None] = mapped_column(Json)
    storage_url: Mapped[str | None] = mapped_column(Text)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class ExtensionApiEndpoint(Base):
    """The endpoints of a version as rows, for schedules to refer to."""

    __tablename__ = "extension_api_endpoint"
    __table_args__ = (
        UniqueConstraint("version_id", "method", "path", name="extension_api_endpoint_version_method_path_uniq"),
        Index("extension_api_endpoint_version_idx", "version_id"),
    )

    id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    version_id: Mapped[str] = mapped_column(UuidText)
    method: Mapped[str] = mapped_column(String(16))
    path: Mapped[str] = mapped_column(Text)
    handler: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class TenantExtensionInstall(Base):
    """An extension that a tenant has installed, at one version. `granted_caps` and `granted_egress` are what it may do.

    `previous` is the target of a rollback: `{version_id, granted_caps, granted_egress}`. `pending` is an upgrade that waits for consent:
    `{version_id, version, capabilities, egress}`, the last two being what it requests beyond the grants.

    `quota_…` are limits of its own: null means that of the settings, and 0 none.
    """

    __tablename__ = "tenant_extension_install"
    __table_args__ = (
        UniqueConstraint("tenant_id", "registry_id", name="tenant_extension_install_tenant_registry_uq"),
        UniqueConstraint("runner_domain", name="tenant_extension_install_runner_domain_uq"),
        CheckConstraint("status IN ('enabled', 'disabled', 'pending')", name="tenant_extension_install_status_chk"),
        Index("tenant_extension_install_tenant_idx", "tenant_id"),
    )

    id: Mapped[str] = mapped_column(UuidText, primary_key=True, server_default=RANDOM_ID)
    tenant_id: Mapped[str] = mapped_column(String(255))
    registry_id: Mapped[str] = mapped_column(UuidText, ForeignKey("extension_registry.id", ondelete="CASCADE"))
    version_id: Mapped[str] = mapped_column(UuidText, ForeignKey("extension_version.id"))
    granted_caps: Mapped[list[str]] = mapped_column(Json, default=list, server_default=NO_ITEMS)
    granted_egress: Mapped[list[str]] = mapped_column(Json, default=list, server_default=NO_ITEMS)
    config: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, server_default=NO_FIELDS)
    is_enabled: Mapped[bool] = mapped_column(default=True, server_default=true())
    status: Mapped[str] = mapped_column(Text, default="enabled", server_default="enabled")
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)
    runner_domain: Mapped[str | None] = mapped_column(Text)
    runner_status: Mapped[dict[str, Any] | None] = mapped_column(
        Json, default=lambda: {"state": "pending"}, server_default='{"state": "pending"}'
    )
    runner_ref: Mapped[dict[str, Any] | None] = mapped_column(Json)
    previous: Mapped[dict[str, Any] | None] = mapped_column(Json)
    pending: Mapped[dict[str, Any] | None] = mapped_column(Json)
    quota_calls: Mapped[int | None] = mapped_column(BigInteger)
    quota_cpu_ms: Mapped[int | None] = mapped_column(BigInteger)
    quota_fuel: Mapped[int | None] = mapped_column(BigInteger)
    quota_egress_bytes: Mapped[int | None] = mapped_column(BigInteger)
    quota_storage_bytes: Mapped[int | None] = mapped_column(BigInteger)


class TenantExtensionInstallConfig(Base):
    """The settings of an install. `version` changes with every write."""

    __tablename__ = "tenant_extension_install_config"
    __table_args__ = (
        UniqueConstraint("install_id", name="tenant_extension_install_config_install_uq"),
        Index("tenant_extension_install_config_tenant_idx", "tenant_id"),
        Index("tenant_extension_install_config_version_idx", "install_id", "version"),
    )

    id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    install_id: Mapped[str] = mapped_column(UuidText, ForeignKey("tenant_extension_install.id", ondelete="CASCADE"))
    tenant_id: Mapped[str] = mapped_column(String(255))
    config: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, server_default=NO_FIELDS)
    providers: Mapped[list[str]] = mapped_column(Json, default=list, server_default=NO_ITEMS)
    version: Mapped[str] = mapped_column(String(255), default=new_id, server_default=RANDOM_TEXT)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class TenantExtensionInstallSecrets(Base):
    """The sealed secrets of an install."""

    __tablename__ = "tenant_extension_install_secrets"
    __table_args__ = (UniqueConstraint("install_id", name="tenant_extension_install_secrets_install_uq"),)

    id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    install_id: Mapped[str] = mapped_column(UuidText, ForeignKey("tenant_extension_install.id", ondelete="CASCADE"))
    tenant_id: Mapped[str] = mapped_column(String(255))
    ciphertext: Mapped[str] = mapped_column(Text)
    # No default: in the contract it names plain base64, and secrets here are never stored unsealed.
    algorithm: Mapped[str] = mapped_column(String(255))
    transit_key: Mapped[str | None] = mapped_column(String(255))
    transit_mount: Mapped[str | None] = mapped_column(String(255))
    version: Mapped[str | None] = mapped_column(String(255))
    expires_at: Mapped[datetime | None] = mapped_column(Timestamp)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class TenantExtensionSchedule(Base):
    """A recurring call of one endpoint of an install."""

    __tablename__ = "tenant_extension_schedule"
    __table_args__ = (
        Index(
            "tenant_extension_schedule_install_name_uniq",
            "install_id",
            "name",
            unique=True,
            sqlite_where=text("name IS NOT NULL"),
            postgresql_where=text("name IS NOT NULL"),
        ),
        Index("tenant_extension_schedule_tenant_idx", "tenant_id"),
        Index("tenant_extension_schedule_tenant_install_idx", "tenant_id", "install_id"),
        Index("tenant_extension_schedule_tenant_endpoint_idx", "tenant_id", "endpoint_id"),
        Index("tenant_extension_schedule_runner_schedule_id_idx", "runner_schedule_id"),
        Index("tenant_extension_schedule_tenant_job_idx", "tenant_id", "job_id"),
    )

    id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    install_id: Mapped[str] = mapped_column(UuidText)
    tenant_id: Mapped[str] = mapped_column(String(255))
    endpoint_id: Mapped[str] = mapped_column(UuidText)
    name: Mapped[str | None] = mapped_column(String(128))
    cron: Mapped[str] = mapped_column(Text)
    timezone: Mapped[str] = mapped_column(String(64), default="UTC", server_default="UTC")
    enabled: Mapped[bool] = mapped_column(default=True, server_default=true())
    payload_json: Mapped[Any | None] = mapped_column(Json)
    job_id: Mapped[str | None] = mapped_column(UuidText)
    runner_schedule_id: Mapped[str | None] = mapped_column(String(255))
    last_run_at: Mapped[datetime | None] = mapped_column(Timestamp)
    last_run_status: Mapped[str | None] = mapped_column(String(32))
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class ExtensionExecutionLog(Base):
    """One call: who, what, when, and how it ended. Never bodies, headers, settings or secrets."""

    __tablename__ = "extension_execution_log"
    __table_args__ = (
        Index("extension_execution_log_tenant_registry_started_idx", "tenant_id", "registry_id", "started_at"),
        Index("extension_execution_log_started_idx", "started_at"),
        # For rows whose process was killed: they never get an end.
        Index(
            "extension_execution_log_open_idx",
            "started_at",
            sqlite_where=text("status = 'started'"),
            postgresql_where=text("status = 'started'"),
        ),
    )

    id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    tenant_id: Mapped[str] = mapped_column(String(255))
    registry_id: Mapped[str] = mapped_column(UuidText)
    version_id: Mapped[str] = mapped_column(UuidText)
    request_id: Mapped[str | None] = mapped_column(String(255))
    started_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)
    status: Mapped[str] = mapped_column(Text)
    metrics: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[str | None] = mapped_column(Text)


class ExtensionQuotaUsage(Base):
    """What an install used of its quotas on one day (UTC), which begins at `window_start`. `invocations` are its calls."""

    __tablename__ = "extension_quota_usage"
    __table_args__ = (Index("extension_quota_usage_tenant_window_idx", "tenant_id", "window_start"),)

    tenant_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    registry_id: Mapped[str] = mapped_column(UuidText, primary_key=True)
    window_start: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)
    cpu_ms: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    mem_mb_ms: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    invocations: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    fuel: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    egress_bytes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
