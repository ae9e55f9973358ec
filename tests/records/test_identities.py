from __future__ import annotations

import dataclasses

import pytest

from holdfast.records.database.database import Database
from holdfast.records.identities import client_of, has_permission
from tests.records.databases import OTHER_TENANT, add_user


async def test_an_administrator_may_read_and_write_extensions_and_nothing_unnamed(db: Database) -> None:
    admin = await add_user(db, "ada@example.com", admin=True)
    assert [await has_permission(db, admin, "extension", action) for action in ("read", "write", "own")] == [True, True, False]


async def test_a_user_without_a_role_may_nothing(db: Database) -> None:
    assert not await has_permission(db, await add_user(db, "ada@example.com"), "extension", "read")


async def test_a_role_in_one_tenant_is_worth_nothing_in_another(db: Database) -> None:
    admin = await add_user(db, "ada@example.com", admin=True)
    assert not await has_permission(db, dataclasses.replace(admin, tenant_id=OTHER_TENANT), "extension", "read")


async def test_a_client_user_has_no_permissions_whatever_their_roles(db: Database) -> None:
    client = await add_user(db, "ada@example.com", admin=True, user_type="client", client=True)
    assert not await has_permission(db, client, "extension", "read")


@pytest.mark.parametrize(("scopes", "allowed"), [(["*"], True), (["extension:write"], True), (["extension:read"], False), ([], False)])
async def test_the_scopes_of_a_key_narrow_what_its_user_may(db: Database, scopes: list[str], allowed: bool) -> None:
    admin = dataclasses.replace(await add_user(db, "ada@example.com", admin=True), scopes=frozenset(scopes))
    assert await has_permission(db, admin, "extension", "write") is allowed


async def test_a_client_user_belongs_to_the_client_of_their_contact(db: Database) -> None:
    assert await client_of(db, await add_user(db, "ada@example.com", user_type="client", client=True)) is not None
    assert await client_of(db, await add_user(db, "bob@example.com", user_type="client")) is None


async def test_a_contact_of_another_tenant_leads_to_no_client(db: Database) -> None:
    client = await add_user(db, "ada@example.com", user_type="client", client=True)
    assert await client_of(db, dataclasses.replace(client, tenant_id=OTHER_TENANT)) is None
