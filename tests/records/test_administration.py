from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from holdfast.records.account_types import CreateUser
from holdfast.records.accounts import LoginRejected, login
from holdfast.records.administration import (
    create_tenant,
    create_user,
    list_tenants,
    list_users,
    revoke_sessions,
    set_password,
    set_user_inactive,
)
from holdfast.records.database.database import Database
from holdfast.records.identities import client_of, has_permission
from holdfast.records.models.users import Client, User
from holdfast.records.passwords import new_password
from holdfast.records.sessions import create_session, find_session
from tests.error_codes import rejected
from tests.records.databases import OTHER_TENANT, TENANT, Clock, add_user

PASSWORD = "correct horse battery"


async def make(db: Database, email: str = "ada@example.com", *, tenant_id: str = TENANT, password: str = PASSWORD, **fields: Any) -> str:
    """Makes a user and returns the id."""
    return (await create_user(db, tenant_id=tenant_id, user=CreateUser(email=email, **fields), password=password)).user_id


async def test_a_tenant_is_made_with_a_role_for_its_administrators(db: Database) -> None:
    clock = Clock()
    made = await create_tenant(db, name=" Third ", now=clock)
    assert (made.name, made.created_at, made.users) == ("Third", clock(), 0)
    await make(db, tenant_id=made.tenant_id, is_admin=True)
    admin = await login(db, "ada@example.com", PASSWORD)
    assert admin.tenant_id == made.tenant_id
    for permission in ("extension:read", "extension:write", "user:read", "user:write"):
        assert await has_permission(db, admin, *permission.split(":"))
    assert {(one.name, one.users) for one in await list_tenants(db)} == {("First", 0), ("Second", 0), ("Third", 1)}


async def test_a_tenant_may_bring_its_id_once(db: Database) -> None:
    wanted = "3A3A3A3A-3333-4333-8333-333333333333"
    assert (await create_tenant(db, name="Third", tenant_id=wanted)).tenant_id == wanted.lower()
    with rejected("tenant_exists"):
        await create_tenant(db, name="Again", tenant_id=wanted)
    assert [one.name for one in await list_tenants(db)].count("Third") == 1


@pytest.mark.parametrize(("name", "tenant_id"), [("", None), ("x" * 256, None), ("a\nb", None), ("Third", "third")])
async def test_a_tenant_needs_a_name_and_a_uuid(db: Database, name: str, tenant_id: str | None) -> None:
    with rejected("invalid_account"):
        await create_tenant(db, name=name, tenant_id=tenant_id)
    assert len(await list_tenants(db)) == 2


async def test_a_user_signs_in_and_may_nothing_without_a_role(db: Database) -> None:
    clock = Clock()
    made = await create_user(
        db,
        tenant_id=TENANT,
        user=CreateUser(email=" Ada@Example.com ", first_name="Ada", last_name="Lovelace"),
        password=PASSWORD,
        now=clock,
    )
    assert (made.email, made.username, made.user_type, made.is_admin, made.created_at) == (
        "ada@example.com",
        "ada",
        "internal",
        False,
        clock(),
    )
    identity = await login(db, "ada@example.com", PASSWORD)
    assert (identity.user_id, identity.display_name) == (made.user_id, "Ada Lovelace")
    assert not await has_permission(db, identity, "extension", "read")
    assert await list_users(db, tenant_id=TENANT) == [made]


async def test_a_client_user_belongs_to_a_client_that_is_made_once(db: Database) -> None:
    for email in ("ada@example.com", "bob@example.com"):
        await make(db, email, user_type="client", client_name="Emerald City")
    clients = {await client_of(db, await login(db, email, PASSWORD)) for email in ("ada@example.com", "bob@example.com")}
    assert len(clients) == 1 and None not in clients
    assert [one.client_name for one in await list_users(db, tenant_id=TENANT)] == ["Emerald City", "Emerald City"]
    await make(db, "eve@example.com", tenant_id=OTHER_TENANT, user_type="client", client_name="Emerald City")
    async with db.session() as session:
        assert await session.scalar(select(func.count()).select_from(Client)) == 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"email": "ada"}, "email"),
        ({"email": "a da@example.com"}, "email"),
        ({"email": "ada\x00@example.com"}, "email"),
        ({"email": f"{'x' * 65}@example.com"}, "email"),
        ({"password": "x" * 11}, "password"),
        ({"password": "x" * 1_025}, "password"),
        ({"first_name": " "}, "name"),
        ({"last_name": "a\x00"}, "name"),
        ({"user_type": "client"}, "client_name"),
        ({"client_name": "Emerald City"}, "client_name"),
        ({"user_type": "client", "client_name": "Emerald City", "is_admin": True}, "is_admin"),
    ],
)
async def test_what_cannot_be_a_user_is_refused_and_nothing_is_made(db: Database, fields: dict[str, Any], field: str) -> None:
    with rejected("invalid_account") as refused:
        await make(db, **fields)
    assert refused.value.details == {"field": field}
    assert str(fields.get("password", "no password")) not in str(refused.value)
    async with db.session() as session:
        for table in (User, Client):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_an_address_belongs_to_one_user_of_all_tenants(db: Database) -> None:
    await make(db)
    for tenant_id in (TENANT, OTHER_TENANT):
        with rejected("email_taken"):
            await make(db, "ADA@example.com", tenant_id=tenant_id)


async def test_of_two_who_want_one_address_at_the_same_time_one_gets_it(db: Database) -> None:
    made = await asyncio.gather(*(make(db) for _ in range(4)), return_exceptions=True)
    outcomes = sorted("created" if isinstance(one, str) else getattr(one, "code", repr(one)) for one in made)
    assert outcomes == ["created", "email_taken", "email_taken", "email_taken"]


async def test_administrators_of_a_tenant_can_be_made_at_the_same_time(db: Database) -> None:
    await asyncio.gather(*(make(db, f"{name}@example.com", is_admin=True) for name in ("ada", "bob", "eve")))
    assert [one.is_admin for one in await list_users(db, tenant_id=TENANT)] == [True, True, True]


@pytest.mark.parametrize("tenant_id", ["33333333-3333-4333-8333-333333333333", "third"])
async def test_a_tenant_that_is_not_there_has_no_users(db: Database, tenant_id: str) -> None:
    with rejected("tenant_unknown"):
        await make(db, tenant_id=tenant_id)


async def test_a_user_who_is_shut_out_has_no_session_and_comes_back_without_one(db: Database) -> None:
    await make(db)
    token, _ = await create_session(db, await login(db, "ada@example.com", PASSWORD))
    assert await set_user_inactive(db, tenant_id=TENANT, user="Ada@example.com", inactive=True) == "ada@example.com"
    with pytest.raises(LoginRejected):
        await login(db, "ada@example.com", PASSWORD)
    assert [one.is_inactive for one in await list_users(db, tenant_id=TENANT)] == [True]
    await set_user_inactive(db, tenant_id=TENANT, user="ada@example.com", inactive=False)
    assert (await login(db, "ada@example.com", PASSWORD)).email == "ada@example.com"
    assert await find_session(db, token) is None


async def test_a_new_password_ends_the_old_one_and_every_session(db: Database) -> None:
    user_id = await make(db)
    token, _ = await create_session(db, await login(db, "ada@example.com", PASSWORD))
    with rejected("invalid_account"):
        await set_password(db, tenant_id=TENANT, user=user_id, password="short")
    assert await find_session(db, token) is not None
    changed = new_password()
    await set_password(db, tenant_id=TENANT, user=user_id, password=changed)
    assert await find_session(db, token) is None
    with pytest.raises(LoginRejected):
        await login(db, "ada@example.com", PASSWORD)
    assert (await login(db, "ada@example.com", changed)).user_id == user_id


async def test_a_user_is_signed_out_everywhere_and_others_stay(db: Database) -> None:
    ada, bob = await add_user(db, "ada@example.com"), await add_user(db, "bob@example.com")
    ended = [(await create_session(db, ada))[0] for _ in range(2)]
    kept, _ = await create_session(db, bob)
    await revoke_sessions(db, tenant_id=TENANT, user=ada.user_id)
    assert [await find_session(db, token) for token in ended] == [None, None]
    assert await find_session(db, kept) is not None


@pytest.mark.parametrize("name", ["ada@example.com", "id", "unknown@example.com", "a\x00b"])
async def test_users_of_another_tenant_are_as_unknown_as_users_that_do_not_exist(db: Database, name: str) -> None:
    ada = await add_user(db, "ada@example.com", password=PASSWORD)
    user = ada.user_id if name == "id" else name
    for change in (
        set_user_inactive(db, tenant_id=OTHER_TENANT, user=user, inactive=True),
        set_password(db, tenant_id=OTHER_TENANT, user=user, password="another password"),
        revoke_sessions(db, tenant_id=OTHER_TENANT, user=user),
    ):
        with rejected("user_unknown"):
            await change
    assert await list_users(db, tenant_id=OTHER_TENANT) == []
    assert (await login(db, "ada@example.com", PASSWORD)).user_id == ada.user_id
