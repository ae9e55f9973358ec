"""The user behind a session or an API key, and what their roles permit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select

from holdfast.records.database.database import Database
from holdfast.records.models.users import Contact, Permission, RolePermission, Tenant, User, UserRole


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A user of a tenant. `scopes` narrows what an API key may do (None: everything the user may); `expires_at` is when the key ends."""

    user_id: str
    tenant_id: str
    tenant_name: str
    email: str
    username: str
    first_name: str | None
    last_name: str | None
    user_type: str
    contact_id: str | None
    scopes: frozenset[str] | None = None
    expires_at: datetime | None = None

    @property
    def is_client(self) -> bool:
        return self.user_type == "client"

    @property
    def display_name(self) -> str:
        """First and last name, or the user name where neither is known."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or self.username


def identities() -> Select[User, str]:
    """Selects active users with the name of their tenant; callers add how the user is found."""
    return select(User, Tenant.client_name).join(Tenant, Tenant.tenant == User.tenant).where(User.is_inactive.is_(False))


def identity_of(user: User, tenant_name: str, *, scopes: frozenset[str] | None = None, expires_at: datetime | None = None) -> Identity:
    """The identity of a row of `identities()`."""
    return Identity(
        user_id=user.user_id,
        tenant_id=user.tenant,
        tenant_name=tenant_name,
        email=user.email,
        username=user.username,
        first_name=user.first_name,
        last_name=user.last_name,
        user_type=user.user_type,
        contact_id=user.contact_id,
        scopes=scopes,
        expires_at=expires_at,
    )


async def has_permission(db: Database, identity: Identity, resource: str, action: str) -> bool:
    """True when a role of the internal user grants `resource:action` and, for an API key, its scopes name it or `*`."""
    if identity.is_client:
        return False
    if identity.scopes is not None and not identity.scopes & {"*", f"{resource}:{action}"}:
        return False
    query = (
        select(Permission.permission_id)
        .join(RolePermission, RolePermission.permission_id == Permission.permission_id)
        .join(UserRole, UserRole.role_id == RolePermission.role_id)
        .where(
            UserRole.user_id == identity.user_id,
            UserRole.tenant == identity.tenant_id,
            RolePermission.tenant == identity.tenant_id,
            Permission.tenant == identity.tenant_id,
            Permission.resource == resource,
            Permission.action == action,
            Permission.msp.is_(True),
        )
        .limit(1)
    )
    async with db.session() as session:
        return (await session.execute(query)).first() is not None


async def client_of(db: Database, identity: Identity) -> str | None:
    """The client that a client user belongs to, through their contact; None without one."""
    if identity.contact_id is None:
        return None
    query = select(Contact.client_id).where(Contact.tenant == identity.tenant_id, Contact.contact_name_id == identity.contact_id)
    async with db.session() as session:
        return await session.scalar(query) or None
