from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from holdfast.records.api_keys import create_api_key, find_api_key, revoke_api_keys
from holdfast.records.database.database import Database
from holdfast.records.models.users import ApiKey
from tests.records.databases import Clock, add_user


async def test_a_key_acts_as_its_user_within_its_scopes(db: Database) -> None:
    user = await add_user(db, "ada@example.com")
    key = await create_api_key(db, tenant_id=user.tenant_id, user_id=user.user_id, scopes=["extension:read"])
    found = await find_api_key(db, key)
    assert found is not None
    assert (found.user_id, found.tenant_id, found.scopes) == (user.user_id, user.tenant_id, frozenset({"extension:read"}))


async def test_a_key_ends_when_it_expires(db: Database) -> None:
    user, clock = await add_user(db, "ada@example.com"), Clock()
    key = await create_api_key(db, tenant_id=user.tenant_id, user_id=user.user_id, expires_at=clock() + timedelta(seconds=10))
    clock.advance(9)
    assert await find_api_key(db, key, now=clock) is not None
    clock.advance(1)
    assert await find_api_key(db, key, now=clock) is None


async def test_a_revoked_key_is_dead_and_others_live_on(db: Database) -> None:
    user = await add_user(db, "ada@example.com")
    doomed = await create_api_key(db, tenant_id=user.tenant_id, user_id=user.user_id, description="laptop")
    kept = await create_api_key(db, tenant_id=user.tenant_id, user_id=user.user_id, description="server")
    await revoke_api_keys(db, tenant_id=user.tenant_id, user_id=user.user_id, description="laptop")
    assert await find_api_key(db, doomed) is None
    assert await find_api_key(db, kept) is not None


async def test_only_the_hash_and_the_beginning_of_a_key_are_kept(db: Database) -> None:
    user = await add_user(db, "ada@example.com")
    key = await create_api_key(db, tenant_id=user.tenant_id, user_id=user.user_id)
    async with db.session() as session:
        row = (await session.scalars(select(ApiKey))).one()
    assert row.prefix == key[:10]
    assert len(row.key_hash) == 64 and key[3:] not in row.key_hash


async def test_what_does_not_look_like_a_key_is_none(db: Database) -> None:
    assert await find_api_key(db, "") is None
    assert await find_api_key(db, "hf_") is None
