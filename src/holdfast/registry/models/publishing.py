"""Tables of publishing and administration: publisher names, uploads, pending objects, subscriptions, audit log, storage removals."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.records.database.columns import Base, Json, Timestamp, UuidText, utc_now
from holdfast.records.database.defaults import NOW, RANDOM_ID
from holdfast.records.database.uuids import new_id


class ExtensionPublisher(Base):
    """The owner of a publisher's name: the tenant, and the signing key, that first published under it. `publisher` is in lower case."""

    __tablename__ = "extension_publisher"

    publisher: Mapped[str] = mapped_column(String(255), primary_key=True)
    tenant_id: Mapped[str | None] = mapped_column(String(255))
    signing_key_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class ExtensionUpload(Base):
    """An archive in the staging area of the bundle store, under `key`, until it is finalised, aborted or too old. Hashes are hex."""

    __tablename__ = "extension_upload"
    __table_args__ = (Index("extension_upload_tenant_idx", "tenant_id"), Index("extension_upload_created_idx", "created_at"))

    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(255))
    user_id: Mapped[str] = mapped_column(String(255))
    filename: Mapped[str] = mapped_column(String(255))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    declared_hash: Mapped[str | None] = mapped_column(String(64))
    content_hash: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class PendingObject(Base):
    """An object on its way into the bundle store or out of it. While the row exists, the process that wrote it, or the sweep after that
    process ended, has to check whether the object is needed."""

    __tablename__ = "extension_pending_object"
    __table_args__ = (
        Index("extension_pending_object_key_idx", "key"),
        Index("extension_pending_object_created_idx", "created_at"),
    )

    id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class ExtensionEventSubscription(Base):
    """A topic that an install listens to."""

    __tablename__ = "extension_event_subscription"
    __table_args__ = (Index("extension_event_subscription_tenant_topic_idx", "tenant_id", "topic"),)

    id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    tenant_id: Mapped[str] = mapped_column(String(255))
    install_id: Mapped[str] = mapped_column(UuidText, ForeignKey("tenant_extension_install.id", ondelete="CASCADE"))
    topic: Mapped[str] = mapped_column(String(255))
    handler: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class ExtensionAuditLog(Base):
    """An action of an administrator: published, installed, granted, revoked. Never values of settings or secrets."""

    __tablename__ = "extension_audit_logs"
    __table_args__ = (Index("extension_audit_logs_tenant_created_idx", "tenant", "created_at"),)

    tenant: Mapped[str] = mapped_column(UuidText, primary_key=True)
    log_id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    event_type: Mapped[str] = mapped_column(String(100))
    user_id: Mapped[str | None] = mapped_column(String(255))
    user_email: Mapped[str | None] = mapped_column(String(255))
    resource_type: Mapped[str | None] = mapped_column(String(50))
    resource_id: Mapped[str | None] = mapped_column(String(255))
    resource_name: Mapped[str | None] = mapped_column(String(255))
    workflow_id: Mapped[str | None] = mapped_column(String(255))
    status: Mapped[str | None] = mapped_column(String(50))
    error_message: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any] | None] = mapped_column(Json)
    ip_address: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class StorageRemoval(Base):
    """When the stored data of an uninstalled extension is removed. A new install before that keeps the data."""

    __tablename__ = "ext_storage_removals"
    __table_args__ = (Index("ext_storage_removals_due_idx", "remove_at"),)

    tenant: Mapped[str] = mapped_column(UuidText, primary_key=True)
    extension_install_id: Mapped[str] = mapped_column(UuidText, primary_key=True)
    remove_at: Mapped[datetime] = mapped_column(Timestamp)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)
