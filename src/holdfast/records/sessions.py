"""Browser sessions: opaque random tokens; the database stores only their hashes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete

from holdfast.records.credentials import read_session
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.identities import Identity
from holdfast.records.models.users import Session
from holdfast.records.tokens import token_hash

SESSION_LIFETIME = timedelta(hours=12)


async def create_session(db: Database, identity: Identity, *, now: Callable[[], datetime] = utc_now) -> tuple[str, datetime]:
    """Starts a session and sweeps away expired ones. Returns the token (43 characters, for the cookie) and when it expires."""
    token = secrets.token_urlsafe(32)
    started = now()
    expires = started + SESSION_LIFETIME
    async with db.transaction() as session:
        await session.execute(delete(Session).where(Session.expires_at <= started))
        session.add(
            Session(
                token_hash=token_hash(token), tenant=identity.tenant_id, user_id=identity.user_id, created_at=started, expires_at=expires
            )
        )
    return token, expires


async def find_session(db: Database, token: str, *, now: Callable[[], datetime] = utc_now) -> Identity | None:
    """The user of a session that is neither expired nor revoked and whose user is active; None otherwise."""
    found = await read_session(db, token_hash(token))
    return found.identity if found is not None and found.is_valid_at(now()) else None


async def revoke_session(db: Database, token: str) -> None:
    """Ends a session; no effect when it does not exist."""
    async with db.transaction() as session:
        await session.execute(delete(Session).where(Session.token_hash == token_hash(token)))
