"""Administering tenants and their users: creating, listing, deactivating, passwords."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.records.account_types import CreateUser, TenantSummary, UserSummary
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import as_uuid, new_id
from holdfast.records.errors import AccountError
from holdfast.records.models.users import Client, Contact, Role, Session, Tenant, User, UserRole
from holdfast.records.passwords import MAX_PASSWORD_LENGTH, hash_password
from holdfast.records.roles import ADMIN, ensure_admin_role, make_admin

MAX_NAME_LENGTH = 255
MIN_PASSWORD_LENGTH = 12
# Deliberately loose: only sending mail shows whether an address receives it.
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,190}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


async def create_tenant(db: Database, *, name: str, tenant_id: str | None = None, now: Callable[[], datetime] = utc_now) -> TenantSummary:
    """Creates a tenant with its role Admin. `tenant_id` is a UUID; None means a new one.

    Raises AccountError (`invalid_account`, `tenant_exists`).
    """
    name = _name("name", name)
    chosen = new_id() if tenant_id is None else as_uuid(tenant_id)
    if chosen is None:
        raise AccountError(
            "invalid_account", "The id of a tenant is a UUID.", hint="Leave it out for a new one.", details={"field": "tenant_id"}
        )
    made = now()
    try:
        async with db.transaction() as session:
            session.add(Tenant(tenant=chosen, client_name=name, created_at=made))
            await session.flush()
            await ensure_admin_role(session, chosen)
    except IntegrityError:
        raise AccountError("tenant_exists", f"The tenant {chosen} exists already.", hint="`holdfast tenants list` shows it.") from None
    return TenantSummary(tenant_id=chosen, name=name, created_at=made, users=0)


async def list_tenants(db: Database, *, only: str | None = None) -> list[TenantSummary]:
    """Every tenant, the oldest first, or `only` the one with that id."""
    users = select(func.count()).select_from(User).where(User.tenant == Tenant.tenant).scalar_subquery()
    query = select(Tenant, users).order_by(Tenant.created_at, Tenant.tenant)
    if only is not None:
        query = query.where(Tenant.tenant == only)
    async with db.session() as session:
        rows = (await session.execute(query)).all()
    return [TenantSummary(tenant_id=row.tenant, name=row.client_name, created_at=row.created_at, users=count) for row, count in rows]


async def create_user(
    db: Database, *, tenant_id: str, user: CreateUser, password: str, now: Callable[[], datetime] = utc_now
) -> UserSummary:
    """Creates a user who can sign in with the password. Raises AccountError (`invalid_account`, `tenant_unknown`, `email_taken`)."""
    email = user.email.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise AccountError("invalid_account", "This is not an email address.", details={"field": "email"})
    first_name, last_name = (None if name is None else _name("name", name) for name in (user.first_name, user.last_name))
    client_name = None if user.client_name is None else _name("client_name", user.client_name)
    if (client_name is None) is (user.user_type == "client"):
        hint = "Name it." if client_name is None else "Leave it out, or create a client user."
        raise AccountError(
            "invalid_account", "A client user belongs to a client, an internal user does not.", hint=hint, details={"field": "client_name"}
        )
    if user.is_admin and user.user_type == "client":
        raise AccountError("invalid_account", "A client user cannot be an administrator.", details={"field": "is_admin"})
    hashed, made = await _hashed(password), now()
    row = User(
        user_id=new_id(),
        tenant=tenant_id,
        username=email.partition("@")[0],
        email=email,
        first_name=first_name,
        last_name=last_name,
        hashed_password=hashed,
        user_type=user.user_type,
        is_inactive=False,
        created_at=made,
    )
    try:
        async with db.transaction() as session:
            if as_uuid(tenant_id) is None or await session.get(Tenant, tenant_id) is None:
                raise AccountError("tenant_unknown", f"No tenant {tenant_id} found.", hint="`holdfast tenants list` lists them.")
            if client_name is not None:
                row.contact_id = await _contact(session, tenant_id, client_name, row, made)
            session.add(row)
            await session.flush()
            if user.is_admin:
                await make_admin(session, tenant_id, row.user_id)
    except IntegrityError:
        raise AccountError(
            "email_taken", f"The user {email} exists already.", hint="An address belongs to one user of one tenant."
        ) from None
    return _summary(row, client_name, user.is_admin)


async def list_users(db: Database, *, tenant_id: str) -> list[UserSummary]:
    """Every user of the tenant by email address, inactive ones too."""
    admins = select(UserRole.user_id).join(Role, Role.role_id == UserRole.role_id)
    admins = admins.where(UserRole.tenant == tenant_id, Role.tenant == tenant_id, Role.role_name == ADMIN)
    query = (
        select(User, Client.client_name)
        .outerjoin(Contact, (Contact.contact_name_id == User.contact_id) & (Contact.tenant == User.tenant))
        .outerjoin(Client, (Client.client_id == Contact.client_id) & (Client.tenant == User.tenant))
        .where(User.tenant == tenant_id)
        .order_by(User.email)
    )
    async with db.session() as session:
        administrators = set((await session.scalars(admins)).all())
        rows = (await session.execute(query)).all()
    return [_summary(user, client_name, user.user_id in administrators) for user, client_name in rows]


async def set_user_inactive(db: Database, *, tenant_id: str, user: str, inactive: bool) -> str:
    """Deactivates a user (id or email address), or activates them again. Returns the email address.

    Deactivating ends their sessions; their API keys stop working until the user is active again. Raises AccountError (`user_unknown`).
    """
    async with db.transaction() as session:
        row = await find_user(session, tenant_id, user)
        row.is_inactive = inactive
        if inactive:
            await _end_sessions(session, row)
        return row.email


async def set_password(db: Database, *, tenant_id: str, user: str, password: str) -> str:
    """Sets a user's password and ends their sessions. Returns the email address.

    Raises AccountError (`invalid_account`, `user_unknown`).
    """
    hashed = await _hashed(password)
    async with db.transaction() as session:
        row = await find_user(session, tenant_id, user)
        row.hashed_password = hashed
        await _end_sessions(session, row)
        return row.email


async def revoke_sessions(db: Database, *, tenant_id: str, user: str) -> str:
    """Signs a user (id or email address) out everywhere. Returns the email address. Raises AccountError (`user_unknown`)."""
    async with db.transaction() as session:
        row = await find_user(session, tenant_id, user)
        await _end_sessions(session, row)
        return row.email


async def find_user(session: AsyncSession, tenant_id: str, user: str) -> User:
    """The tenant's user with this id or email address (any letter case), inactive ones too. Raises AccountError (`user_unknown`)."""
    known_id = as_uuid(user)
    named = User.user_id == known_id if known_id else User.email == user.strip().lower()
    row = await session.scalar(select(User).where(User.tenant == tenant_id, named))
    if row is None:
        raise AccountError("user_unknown", "No such user found.", hint="`holdfast users list` lists the users.")
    return row


async def _hashed(password: str) -> str:
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise AccountError(
            "invalid_account", f"A password has {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters.", details={"field": "password"}
        )
    return await hash_password(password)


async def _contact(session: AsyncSession, tenant_id: str, client_name: str, user: User, now: datetime) -> str:
    """A new contact of the tenant's client with that name, which is created when it does not exist."""
    clients = select(Client.client_id).where(Client.tenant == tenant_id, Client.client_name == client_name)
    client_id = await session.scalar(clients.order_by(Client.created_at).limit(1))
    if client_id is None:
        client_id = new_id()
        session.add(Client(client_id=client_id, tenant=tenant_id, client_name=client_name, created_at=now))
        await session.flush()
    full_name = " ".join(part for part in (user.first_name, user.last_name) if part) or user.username
    contact = Contact(
        contact_name_id=new_id(), tenant=tenant_id, client_id=client_id, full_name=full_name[:MAX_NAME_LENGTH], email=user.email
    )
    session.add(contact)
    await session.flush()
    return contact.contact_name_id


async def _end_sessions(session: AsyncSession, user: User) -> None:
    await session.execute(delete(Session).where(Session.tenant == user.tenant, Session.user_id == user.user_id))


def _name(field: str, text: str) -> str:
    name = text.strip()
    if not 0 < len(name) <= MAX_NAME_LENGTH or _CONTROL.search(name):
        raise AccountError(
            "invalid_account", f"A name has 1 to {MAX_NAME_LENGTH} characters and no control characters.", details={"field": field}
        )
    return name


def _summary(user: User, client_name: str | None, is_admin: bool) -> UserSummary:
    return UserSummary(
        user_id=user.user_id,
        email=user.email,
        username=user.username,
        first_name=user.first_name,
        last_name=user.last_name,
        user_type=user.user_type,
        client_name=client_name,
        is_admin=is_admin,
        is_inactive=user.is_inactive,
        created_at=user.created_at,
    )
