from __future__ import annotations

from sqlalchemy import func, select

from holdfast.records.database.database import Database
from holdfast.records.models.users import Session, User
from holdfast.records.sessions import SESSION_LIFETIME, create_session, find_session, revoke_session
from tests.records.databases import Clock, add_user


async def test_a_session_leads_to_its_user_until_it_expires(db: Database) -> None:
    user, clock = await add_user(db, "ada@example.com"), Clock()
    token, expires = await create_session(db, user, now=clock)
    assert expires == clock() + SESSION_LIFETIME
    assert await find_session(db, token, now=clock) == user
    clock.advance(SESSION_LIFETIME.total_seconds() - 1)
    assert await find_session(db, token, now=clock) == user
    clock.advance(1)
    assert await find_session(db, token, now=clock) is None


async def test_a_revoked_session_is_over(db: Database) -> None:
    user = await add_user(db, "ada@example.com")
    token, _ = await create_session(db, user)
    await revoke_session(db, token)
    assert await find_session(db, token) is None


async def test_the_session_of_a_user_who_became_inactive_is_over(db: Database) -> None:
    user = await add_user(db, "ada@example.com")
    token, _ = await create_session(db, user)
    async with db.transaction() as session:
        (await session.get_one(User, user.user_id)).is_inactive = True
    assert await find_session(db, token) is None


async def test_the_database_does_not_hold_the_token(db: Database) -> None:
    token, _ = await create_session(db, await add_user(db, "ada@example.com"))
    async with db.session() as session:
        stored = (await session.scalars(select(Session.token_hash))).one()
    assert token not in stored and len(stored) == 64


async def test_expired_sessions_are_swept_away_when_a_new_one_starts(db: Database) -> None:
    user, clock = await add_user(db, "ada@example.com"), Clock()
    await create_session(db, user, now=clock)
    clock.advance(SESSION_LIFETIME.total_seconds())
    await create_session(db, user, now=clock)
    async with db.session() as session:
        assert await session.scalar(select(func.count()).select_from(Session)) == 1
