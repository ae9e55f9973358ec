"""Tables of extension storage: records, the schemas they may have to satisfy, and what each install and each namespace uses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.records.database.columns import Base, Json, JsonValue, Timestamp, UuidText, utc_now
from holdfast.records.database.defaults import NO_FIELDS, NOW


class StorageRecord(Base):
    __tablename__ = "ext_storage_records"
    __table_args__ = (
        Index("ext_storage_records_namespace_idx", "tenant", "extension_install_id", "namespace"),
        Index(
            "ext_storage_records_ttl_idx",
            "ttl_expires_at",
            sqlite_where=text("ttl_expires_at IS NOT NULL"),
            postgresql_where=text("ttl_expires_at IS NOT NULL"),
        ),
        # What one install holds that has expired: the index above mixes the installs.
        Index(
            "ext_storage_records_expiry_idx",
            "tenant",
            "extension_install_id",
            "ttl_expires_at",
            sqlite_where=text("ttl_expires_at IS NOT NULL"),
            postgresql_where=text("ttl_expires_at IS NOT NULL"),
        ),
    )

    tenant: Mapped[str] = mapped_column(UuidText, primary_key=True)
    extension_install_id: Mapped[str] = mapped_column(UuidText, primary_key=True)
    # "C" so that Postgres sorts keys byte by byte as SQLite does: paging compares keys.
    namespace: Mapped[str] = mapped_column(String(128), primary_key=True)
    key: Mapped[str] = mapped_column(String(256).with_variant(String(256, collation="C"), "postgresql"), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger, default=1, server_default="1")
    value: Mapped[Any] = mapped_column(JsonValue)
    # `metadata` belongs to the declarative base.
    record_metadata: Mapped[dict[str, Any]] = mapped_column("metadata", Json, default=dict, server_default=NO_FIELDS)
    value_size_bytes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    metadata_size_bytes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    ttl_expires_at: Mapped[datetime | None] = mapped_column(Timestamp)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class StorageSchema(Base):
    """A JSON schema registered for a namespace."""

    __tablename__ = "ext_storage_schemas"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'deprecated', 'draft')", name="ext_storage_schemas_status_chk"),
        Index(
            "ext_storage_schemas_namespace_active_uq",
            "tenant",
            "extension_install_id",
            "namespace",
            unique=True,
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
    )

    tenant: Mapped[str] = mapped_column(UuidText, primary_key=True)
    extension_install_id: Mapped[str] = mapped_column(UuidText, primary_key=True)
    namespace: Mapped[str] = mapped_column(String(128), primary_key=True)
    schema_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    schema_document: Mapped[dict[str, Any]] = mapped_column(Json)
    status: Mapped[str] = mapped_column(String(16), default="active", server_default="active")
    created_by: Mapped[str | None] = mapped_column(UuidText)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class StorageUsage(Base):
    """What an install uses, kept up to date with every write; its row is the lock that orders the writes of an install.

    Records that have expired count until they are deleted."""

    __tablename__ = "ext_storage_usage"

    tenant: Mapped[str] = mapped_column(UuidText, primary_key=True)
    extension_install_id: Mapped[str] = mapped_column(UuidText, primary_key=True)
    bytes_used: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    keys_count: Mapped[int] = mapped_column(default=0, server_default="0")
    namespaces_count: Mapped[int] = mapped_column(default=0, server_default="0")
    updated_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class StorageNamespace(Base):
    """How many keys a namespace has, so that no write counts them. Like usage, with expired records; no row means no keys."""

    __tablename__ = "ext_storage_namespaces"

    tenant: Mapped[str] = mapped_column(UuidText, primary_key=True)
    extension_install_id: Mapped[str] = mapped_column(UuidText, primary_key=True)
    namespace: Mapped[str] = mapped_column(String(128), primary_key=True)
    keys_count: Mapped[int] = mapped_column(default=0, server_default="0")
