"""What a session or an API key stands for: the user, how long it is valid, and what the user's roles permit. Read in one go, for calls."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Select, bindparam, select

from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.prepared import Prepared
from holdfast.records.identities import Identity
from holdfast.records.models.users import ApiKey, Contact, Permission, RolePermission, Session, Tenant, User, UserRole


class Credential(Struct, frozen=True, kw_only=True):
    """A session, or an API key that is not revoked, of an active user.

    It is valid before `ends_at` (None: without end). `permissions` are `resource:action`, those of the roles that the scopes of the key
    leave; client users have none. `client_id` is the client that a client user belongs to.
    """

    identity: Identity
    ends_at: datetime | None
    permissions: frozenset[str]
    client_id: str | None

    def is_valid_at(self, now: datetime) -> bool:
        return self.ends_at is None or now < self.ends_at


_USER = (
    *(User.user_id, User.tenant, Tenant.client_name, User.email, User.username, User.first_name, User.last_name),
    *(User.user_type, User.contact_id, Contact.client_id),
)


def _users(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Active users with their tenant and client; callers add how the user is found."""
    contact = (Contact.contact_name_id == User.contact_id) & (Contact.tenant == User.tenant)
    query = select(*_USER, *columns).join(Tenant, Tenant.tenant == User.tenant).outerjoin(Contact, contact)
    return query.where(User.is_inactive.is_(False))


_BY_SESSION = Prepared(
    _users(Session.expires_at)
    .join(Session, (Session.user_id == User.user_id) & (Session.tenant == User.tenant))
    .where(Session.token_hash == bindparam("hash"))
)
_BY_KEY = Prepared(
    _users(ApiKey.expires_at, ApiKey.scopes)
    .join(ApiKey, (ApiKey.user_id == User.user_id) & (ApiKey.tenant == User.tenant))
    .where(ApiKey.key_hash == bindparam("hash"), ApiKey.revoked.is_(False))
)
_BY_ID = Prepared(_users().where(User.tenant == bindparam("tenant"), User.user_id == bindparam("user_id")))
_PERMISSIONS = Prepared(
    select(Permission.resource, Permission.action)
    .join(RolePermission, RolePermission.permission_id == Permission.permission_id)
    .join(UserRole, UserRole.role_id == RolePermission.role_id)
    .where(
        UserRole.user_id == bindparam("user_id"),
        UserRole.tenant == bindparam("tenant"),
        RolePermission.tenant == bindparam("tenant"),
        Permission.tenant == bindparam("tenant"),
        Permission.msp.is_(True),
    )
)


async def read_session(db: Database, token_hash: str) -> Credential | None:
    """The session with this hash of its token, which may have ended; None without one or when its user is inactive."""

    async def read(tx: HotTransaction) -> Credential | None:
        rows = await tx.execute(_BY_SESSION, {"hash": token_hash})
        if not rows:
            return None
        *user, ends_at = rows[0]
        return await _credential(tx, user, ends_at, scopes=None, expires_at=None)

    return await db.read(read)


async def read_api_key(db: Database, token_hash: str) -> Credential | None:
    """The API key with this hash, which may have expired; None when there is none, or it is revoked, or its user inactive."""

    async def read(tx: HotTransaction) -> Credential | None:
        rows = await tx.execute(_BY_KEY, {"hash": token_hash})
        if not rows:
            return None
        *user, expires_at, scopes = rows[0]
        return await _credential(tx, user, expires_at, scopes=frozenset(scopes), expires_at=expires_at)

    return await db.read(read)


async def read_user(db: Database, tenant_id: str, user_id: str) -> Credential | None:
    """The active user of the tenant with this UUID, with all their permissions, or None."""

    async def read(tx: HotTransaction) -> Credential | None:
        rows = await tx.execute(_BY_ID, {"tenant": tenant_id, "user_id": user_id})
        return await _credential(tx, list(rows[0]), None, scopes=None, expires_at=None) if rows else None

    return await db.read(read)


async def _credential(
    tx: HotTransaction, user: list[Any], ends_at: datetime | None, *, scopes: frozenset[str] | None, expires_at: datetime | None
) -> Credential:
    user_id, tenant_id, tenant_name, email, username, first_name, last_name, user_type, contact_id, client_id = user
    identity = Identity(
        user_id=user_id,
        tenant_id=tenant_id,
        tenant_name=tenant_name,
        email=email,
        username=username,
        first_name=first_name,
        last_name=last_name,
        user_type=user_type,
        contact_id=contact_id,
        scopes=scopes,
        expires_at=expires_at,
    )
    permissions = frozenset[str]()
    if not identity.is_client:
        rows = await tx.execute(_PERMISSIONS, {"user_id": user_id, "tenant": tenant_id})
        granted = frozenset(f"{resource}:{action}" for resource, action in rows)
        permissions = granted if scopes is None or "*" in scopes else granted & scopes
    return Credential(identity=identity, ends_at=ends_at, permissions=permissions, client_id=client_id or None)
