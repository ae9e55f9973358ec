"""API keys: `hf_` and 43 random characters, stored as a hash, identified by their prefix, limited by scopes and expiry."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.records.credentials import read_api_key
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.identities import Identity
from holdfast.records.models.users import ApiKey
from holdfast.records.tokens import token_hash

KEY_MARK = "hf_"
_SHOWN = 10


async def create_api_key(
    db: Database,
    *,
    tenant_id: str,
    user_id: str,
    description: str | None = None,
    scopes: Iterable[str] = ("*",),
    expires_at: datetime | None = None,
) -> str:
    """Creates a key that acts as `user_id`, within `scopes` (`resource:action`, or `*`). Returns the key, which is shown only here."""
    async with db.transaction() as session:
        key, _ = add_api_key(session, tenant_id, user_id, description, sorted(set(scopes)), expires_at, utc_now())
    return key


def add_api_key(
    session: AsyncSession,
    tenant_id: str,
    user_id: str,
    description: str | None,
    scopes: list[str],
    expires_at: datetime | None,
    now: datetime,
) -> tuple[str, ApiKey]:
    """Adds a key's row to a writing session. Returns the key and the row."""
    key = KEY_MARK + secrets.token_urlsafe(32)
    row = ApiKey(
        tenant=tenant_id,
        user_id=user_id,
        key_hash=token_hash(key),
        prefix=key[:_SHOWN],
        description=description,
        scopes=scopes,
        created_at=now,
        expires_at=expires_at,
        revoked=False,
    )
    session.add(row)
    return key, row


async def find_api_key(db: Database, key: str, *, now: Callable[[], datetime] = utc_now) -> Identity | None:
    """The user a key acts as, with the key's scopes; None when it is unknown, revoked or expired, or its user inactive."""
    if not key.startswith(KEY_MARK):
        return None
    found = await read_api_key(db, token_hash(key))
    return found.identity if found is not None and found.is_valid_at(now()) else None


async def revoke_api_keys(db: Database, *, tenant_id: str, user_id: str, description: str) -> None:
    """Revokes every key of a user that carries `description`."""
    async with db.transaction() as session:
        await session.execute(
            update(ApiKey)
            .where(ApiKey.tenant == tenant_id, ApiKey.user_id == user_id, ApiKey.description == description)
            .values(revoked=True)
        )
