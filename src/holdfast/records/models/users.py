"""Tables of people and their organisations: tenants, users, roles, permissions, sessions, API keys, clients, contacts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false, true
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.records.database.columns import Base, Json, Timestamp, UuidText, utc_now
from holdfast.records.database.defaults import NO_ITEMS, NOW, RANDOM_ID
from holdfast.records.database.uuids import new_id


class Tenant(Base):
    __tablename__ = "tenants"

    tenant: Mapped[str] = mapped_column(UuidText, primary_key=True, server_default=RANDOM_ID)
    client_name: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class Client(Base):
    __tablename__ = "clients"
    __table_args__ = (Index("clients_tenant_name_idx", "tenant", "client_name"),)

    client_id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    tenant: Mapped[str] = mapped_column(UuidText, ForeignKey("tenants.tenant", ondelete="CASCADE"))
    client_name: Mapped[str] = mapped_column(String(255))
    client_type: Mapped[str | None] = mapped_column(String(64))
    is_inactive: Mapped[bool] = mapped_column(default=False, server_default=false())
    default_currency_code: Mapped[str | None] = mapped_column(String(3))
    account_manager_id: Mapped[str | None] = mapped_column(UuidText)
    billing_email: Mapped[str | None] = mapped_column(String(255))
    is_tax_exempt: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class Contact(Base):
    __tablename__ = "contacts"
    __table_args__ = (Index("contacts_tenant_idx", "tenant"),)

    contact_name_id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    tenant: Mapped[str] = mapped_column(UuidText, ForeignKey("tenants.tenant", ondelete="CASCADE"))
    client_id: Mapped[str | None] = mapped_column(UuidText, ForeignKey("clients.client_id", ondelete="SET NULL"))
    full_name: Mapped[str] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(255))


class User(Base):
    """A person who signs in. `email` is lower case. An `internal` user works for the tenant, a `client` user for one of its clients."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("email", name="users_email_uq"),
        CheckConstraint("user_type IN ('internal', 'client')", name="users_user_type_chk"),
        Index("users_tenant_idx", "tenant"),
    )

    user_id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    tenant: Mapped[str] = mapped_column(UuidText, ForeignKey("tenants.tenant", ondelete="CASCADE"))
    username: Mapped[str] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(255))
    first_name: Mapped[str | None] = mapped_column(String(255))
    last_name: Mapped[str | None] = mapped_column(String(255))
    hashed_password: Mapped[str] = mapped_column(String(255))
    user_type: Mapped[str] = mapped_column(String(16), default="internal", server_default="internal")
    contact_id: Mapped[str | None] = mapped_column(UuidText, ForeignKey("contacts.contact_name_id", ondelete="SET NULL"))
    is_inactive: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class Role(Base):
    __tablename__ = "roles"
    __table_args__ = (UniqueConstraint("tenant", "role_name", name="roles_tenant_name_uq"),)

    role_id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    tenant: Mapped[str] = mapped_column(UuidText, ForeignKey("tenants.tenant", ondelete="CASCADE"))
    role_name: Mapped[str] = mapped_column(String(255))
    msp: Mapped[bool] = mapped_column(default=True, server_default=true())
    client: Mapped[bool] = mapped_column(default=False, server_default=false())


class Permission(Base):
    __tablename__ = "permissions"
    __table_args__ = (UniqueConstraint("tenant", "resource", "action", name="permissions_tenant_resource_action_uq"),)

    permission_id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    tenant: Mapped[str] = mapped_column(UuidText, ForeignKey("tenants.tenant", ondelete="CASCADE"))
    resource: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64))
    msp: Mapped[bool] = mapped_column(default=True, server_default=true())
    client: Mapped[bool] = mapped_column(default=False, server_default=false())


class RolePermission(Base):
    __tablename__ = "role_permissions"

    role_id: Mapped[str] = mapped_column(UuidText, ForeignKey("roles.role_id", ondelete="CASCADE"), primary_key=True)
    permission_id: Mapped[str] = mapped_column(UuidText, ForeignKey("permissions.permission_id", ondelete="CASCADE"), primary_key=True)
    tenant: Mapped[str] = mapped_column(UuidText, ForeignKey("tenants.tenant", ondelete="CASCADE"))


class UserRole(Base):
    __tablename__ = "user_roles"

    user_id: Mapped[str] = mapped_column(UuidText, ForeignKey("users.user_id", ondelete="CASCADE"), primary_key=True)
    role_id: Mapped[str] = mapped_column(UuidText, ForeignKey("roles.role_id", ondelete="CASCADE"), primary_key=True)
    tenant: Mapped[str] = mapped_column(UuidText, ForeignKey("tenants.tenant", ondelete="CASCADE"))


class Session(Base):
    """A signed-in browser. The token itself is with the browser only; here is its SHA-256."""

    __tablename__ = "sessions"
    __table_args__ = (Index("sessions_user_idx", "user_id"), Index("sessions_expires_idx", "expires_at"))

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant: Mapped[str] = mapped_column(UuidText, ForeignKey("tenants.tenant", ondelete="CASCADE"))
    user_id: Mapped[str] = mapped_column(UuidText, ForeignKey("users.user_id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)


class ApiKey(Base):
    """A key for programs. `prefix` is what people recognise it by; the key itself is not kept, only its SHA-256."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("key_hash", name="api_keys_hash_uq"), Index("api_keys_tenant_idx", "tenant"))

    api_key_id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    tenant: Mapped[str] = mapped_column(UuidText, ForeignKey("tenants.tenant", ondelete="CASCADE"))
    user_id: Mapped[str] = mapped_column(UuidText, ForeignKey("users.user_id", ondelete="CASCADE"))
    key_hash: Mapped[str] = mapped_column(String(64))
    prefix: Mapped[str] = mapped_column(String(16))
    description: Mapped[str | None] = mapped_column(String(255))
    scopes: Mapped[list[str]] = mapped_column(Json, default=list, server_default=NO_ITEMS)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)
    expires_at: Mapped[datetime | None] = mapped_column(Timestamp)
    revoked: Mapped[bool] = mapped_column(default=False, server_default=false())
