"""Signing in, and the account that a new development installation starts with."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from dataclasses import asdict
from pathlib import Path

import msgspec
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.errors import HoldfastError
from holdfast.records.api_keys import create_api_key, find_api_key, revoke_api_keys
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.records.development_tenant import (
    DEVELOPMENT_EMAIL,
    DEVELOPMENT_KEY,
    DEVELOPMENT_TENANT_ID,
    DEVELOPMENT_TENANT_NAME,
    DevelopmentAccount,
)
from holdfast.records.identities import Identity, identities, identity_of
from holdfast.records.models.users import Tenant, User
from holdfast.records.passwords import hash_password, verify_password
from holdfast.records.roles import ensure_admin_role, lacks_admin_permissions, make_admin


class LoginRejected(HoldfastError):
    """Raised when no active account has this email address and password. It does not disclose which of the two is wrong."""

    code = "login_refused"
    status = 401


async def login(db: Database, email: str, password: str) -> Identity:
    """The user with this email address (any letter case) and password. Raises LoginRejected."""
    async with db.session() as session:
        row = (await session.execute(identities().where(User.email == email.strip().lower()))).first()
    if not await verify_password(row[0].hashed_password if row else None, password) or row is None:
        raise LoginRejected("The email address or the password is wrong.", hint="Check both and sign in again.")
    return identity_of(row[0], row[1])


async def ensure_development_tenant(
    db: Database, credentials_file: Path, *, database: str | None = None, key_name: str = DEVELOPMENT_KEY
) -> DevelopmentAccount:
    """The development tenant, its administrator and an API key; creates what is missing.

    The clear text is stored in `credentials_file` (mode 0600), with the `database` that it is for, and reused while it is valid. When the
    file is lost or outdated, a new password and a new key are created, and the old key of this `key_name` is revoked. While the key of the
    file is valid, only the password is replaced.
    """
    stored = await asyncio.to_thread(_read, credentials_file)
    by_key = None if stored is None else await _verify_key(db, stored)
    if stored is not None and by_key is not None and await _is_password_valid(db, stored, by_key):
        if await lacks_admin_permissions(db, by_key):
            # An earlier version created the role with fewer permissions.
            async with db.transaction() as session:
                await ensure_admin_role(session, DEVELOPMENT_TENANT_ID)
        return stored
    password = secrets.token_urlsafe(12)
    hashed = await hash_password(password)
    async with db.transaction() as session:
        user_id = await _ensure_administrator(session, hashed)
    if stored is not None and by_key is not None and by_key.user_id == user_id:
        # Another data folder with this database has set the password. Programs that use our key go on.
        key = stored.api_key
    else:
        await revoke_api_keys(db, tenant_id=DEVELOPMENT_TENANT_ID, user_id=user_id, description=key_name)
        key = await create_api_key(db, tenant_id=DEVELOPMENT_TENANT_ID, user_id=user_id, description=key_name)
    account = DevelopmentAccount(DEVELOPMENT_TENANT_ID, DEVELOPMENT_TENANT_NAME, DEVELOPMENT_EMAIL, password, key, database)
    await asyncio.to_thread(_write, credentials_file, account)
    return account


async def has_development_account(db: Database) -> bool:
    """Whether the development tenant has its administrator."""
    async with db.session() as session:
        found = await session.scalar(select(User.user_id).where(User.tenant == DEVELOPMENT_TENANT_ID, User.email == DEVELOPMENT_EMAIL))
    return found is not None


async def _verify_key(db: Database, account: DevelopmentAccount) -> Identity | None:
    by_key = await find_api_key(db, account.api_key)
    return None if by_key is None or by_key.tenant_id != account.tenant_id else by_key


async def _is_password_valid(db: Database, account: DevelopmentAccount, by_key: Identity) -> bool:
    try:
        return (await login(db, account.email, account.password)).user_id == by_key.user_id
    except LoginRejected:
        return False


async def _ensure_administrator(session: AsyncSession, hashed_password: str) -> str:
    tenant_id = DEVELOPMENT_TENANT_ID
    if await session.get(Tenant, tenant_id) is None:
        # Another process may create it at the same moment.
        with contextlib.suppress(IntegrityError):
            async with session.begin_nested():
                session.add(Tenant(tenant=tenant_id, client_name=DEVELOPMENT_TENANT_NAME))
    # Two processes that start at once continue one after the other from here.
    await session.execute(select(Tenant.tenant).where(Tenant.tenant == tenant_id).with_for_update(key_share=True))
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
    await session.flush()
    await make_admin(session, tenant_id, user.user_id)
    return user.user_id


def _read(file: Path) -> DevelopmentAccount | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=DevelopmentAccount)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def _write(file: Path, account: DevelopmentAccount) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    # Created with its final mode, so that another user of the machine can never read it.
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        fields = {name: value for name, value in asdict(account).items() if value is not None}
        out.write(msgspec.json.format(msgspec.json.encode(fields), indent=2) + b"\n")
    temporary.replace(file)
