"""Signing in, and the account that a fresh installation on a laptop starts with."""

from __future__ import annotations

import asyncio
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.errors import HoldfastError
from holdfast.records.api_keys import create_api_key, find_api_key, revoke_api_keys
from holdfast.records.columns import new_id
from holdfast.records.database import Database
from holdfast.records.identities import Identity, identities, identity_of
from holdfast.records.passwords import hash_password, verify_password
from holdfast.records.tables import Permission, Role, RolePermission, Tenant, User, UserRole

DEVELOPMENT_TENANT_ID = "51bbbfe5-0720-4d9b-b3e5-b5b43e441a52"
DEVELOPMENT_TENANT_NAME = "Development"
DEVELOPMENT_EMAIL = "admin@holdfast.localhost"
_DEVELOPMENT_KEY = "development"


class LoginRefused(HoldfastError):
    """Raised when no active account has this email address and password; which of the two is wrong is not said."""

    code = "login_refused"
    status = 401


@dataclass(frozen=True)
class DevelopmentAccount:
    """The account of a development installation, in clear text: what its credentials file holds."""

    tenant_id: str
    tenant_name: str
    email: str
    password: str
    api_key: str


async def login(db: Database, email: str, password: str) -> Identity:
    """The user with this email address (any letter case) and password. Raises LoginRefused."""
    async with db.session() as session:
        row = (await session.execute(identities().where(User.email == email.strip().lower()))).first()
    if not await verify_password(row[0].hashed_password if row else None, password) or row is None:
        raise LoginRefused("The email address or the password is wrong.", hint="Check both and sign in again.")
    return identity_of(row[0], row[1])


async def ensure_development_tenant(db: Database, credentials_file: Path) -> DevelopmentAccount:
    """The development tenant, its administrator and an API key, made when absent.

    The clear text is kept in `credentials_file` (mode 0600) and reused while it still opens the account. When the file is lost or
    out of date, a new password and a new key are made and the old key is revoked.
    """
    kept = await asyncio.to_thread(_read, credentials_file)
    if kept is not None and await _still_opens(db, kept):
        return kept
    password = secrets.token_urlsafe(12)
    hashed = await hash_password(password)
    async with db.transaction() as session:
        user_id = await _ensure_administrator(session, hashed)
    await revoke_api_keys(db, tenant_id=DEVELOPMENT_TENANT_ID, user_id=user_id, description=_DEVELOPMENT_KEY)
    key = await create_api_key(db, tenant_id=DEVELOPMENT_TENANT_ID, user_id=user_id, description=_DEVELOPMENT_KEY)
    account = DevelopmentAccount(DEVELOPMENT_TENANT_ID, DEVELOPMENT_TENANT_NAME, DEVELOPMENT_EMAIL, password, key)
    await asyncio.to_thread(_write, credentials_file, account)
    return account


async def _still_opens(db: Database, account: DevelopmentAccount) -> bool:
    by_key = await find_api_key(db, account.api_key)
    if by_key is None or by_key.tenant_id != account.tenant_id:
        return False
    try:
        by_password = await login(db, account.email, account.password)
    except LoginRefused:
        return False
    return by_password.user_id == by_key.user_id


async def _ensure_administrator(session: AsyncSession, hashed_password: str) -> str:
    tenant_id = DEVELOPMENT_TENANT_ID
    if await session.get(Tenant, tenant_id) is None:
        session.add(Tenant(tenant=tenant_id, client_name=DEVELOPMENT_TENANT_NAME))
        await session.flush()
    user = await session.scalar(select(User).where(User.tenant == tenant_id, User.email == DEVELOPMENT_EMAIL))
    if user is None:
        user = User(
            user_id=new_id(),
            tenant=tenant_id,
            username="admin",
            email=DEVELOPMENT_EMAIL,
            first_name="Development",
            last_name="Administrator",
            hashed_password=hashed_password,
        )
        session.add(user)
    user.hashed_password = hashed_password
    user.is_inactive = False
    role_id = await ensure_admin_role(session, tenant_id)
    await session.flush()
    if await session.get(UserRole, (user.user_id, role_id)) is None:
        session.add(UserRole(user_id=user.user_id, role_id=role_id, tenant=tenant_id))
    return user.user_id


async def ensure_admin_role(session: AsyncSession, tenant_id: str) -> str:
    """The tenant's role Admin, holding `extension:read` and `extension:write`; made when absent. Returns its id."""
    role = await session.scalar(select(Role).where(Role.tenant == tenant_id, Role.role_name == "Admin"))
    if role is None:
        role = Role(role_id=new_id(), tenant=tenant_id, role_name="Admin")
        session.add(role)
        await session.flush()
    for action in ("read", "write"):
        permission = await session.scalar(
            select(Permission).where(Permission.tenant == tenant_id, Permission.resource == "extension", Permission.action == action)
        )
        if permission is None:
            permission = Permission(permission_id=new_id(), tenant=tenant_id, resource="extension", action=action)
            session.add(permission)
            await session.flush()
        if await session.get(RolePermission, (role.role_id, permission.permission_id)) is None:
            session.add(RolePermission(role_id=role.role_id, permission_id=permission.permission_id, tenant=tenant_id))
    await session.flush()
    return role.role_id


def _read(file: Path) -> DevelopmentAccount | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=DevelopmentAccount)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def _write(file: Path, account: DevelopmentAccount) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    # Created with its final mode: there is no moment at which another user of the machine could read it.
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(msgspec.json.format(msgspec.json.encode(asdict(account)), indent=2) + b"\n")
    temporary.replace(file)
