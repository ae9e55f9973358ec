from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from holdfast.records.administration import set_user_inactive
from holdfast.records.api_keys import find_api_key
from holdfast.records.database.database import Database
from holdfast.records.key_administration import checked_scopes, issue_api_key, list_api_keys, revoke_api_key
from holdfast.records.models.users import ApiKey
from tests.error_codes import rejected
from tests.records.databases import OTHER_TENANT, TENANT, Clock, add_user

ADA = "ada@example.com"


async def test_a_key_is_shown_once_and_afterwards_only_its_beginning(db: Database) -> None:
    clock, ada = Clock(), await add_user(db, ADA)
    until = clock() + timedelta(days=1)
    made, key = await issue_api_key(
        db, tenant_id=TENANT, user=ADA, description="laptop", scopes=["user:read", "extension:read"], expires_at=until, now=clock
    )
    assert key.startswith(made.prefix) and len(key) == 46 and len(made.prefix) == 10
    assert (made.email, made.scopes, made.expires_at, made.created_at) == (ADA, ["extension:read", "user:read"], until, clock())
    assert await list_api_keys(db, tenant_id=TENANT) == [made]
    found = await find_api_key(db, key, now=clock)
    assert found is not None and (found.user_id, found.scopes) == (ada.user_id, frozenset({"extension:read", "user:read"}))
    async with db.session() as session:
        row = await session.scalar(select(ApiKey))
    assert row is not None and key[10:] not in repr(vars(row)) + repr(made)


async def test_a_key_rests_while_its_user_is_shut_out(db: Database) -> None:
    await add_user(db, ADA)
    _, key = await issue_api_key(db, tenant_id=TENANT, user=ADA)
    await set_user_inactive(db, tenant_id=TENANT, user=ADA, inactive=True)
    assert await find_api_key(db, key) is None
    await set_user_inactive(db, tenant_id=TENANT, user=ADA, inactive=False)
    assert await find_api_key(db, key) is not None


@pytest.mark.parametrize(
    "scopes",
    [[], [""], ["extension"], ["extension:"], ["Extension:read"], ["a:b:c"], ["a:b\n"], ["*", "x"], [f"a:b{n}" for n in range(51)]],
)
async def test_what_is_no_scope_is_refused(db: Database, scopes: list[str]) -> None:
    await add_user(db, ADA)
    with rejected("invalid_scopes", match="of the form resource:action"):
        await issue_api_key(db, tenant_id=TENANT, user=ADA, scopes=scopes)
    assert await list_api_keys(db, tenant_id=TENANT) == []


def test_scopes_come_sorted_and_each_once() -> None:
    assert checked_scopes(["user:read", "*", "extension:read", "user:read"]) == ["*", "extension:read", "user:read"]


@pytest.mark.parametrize(
    ("within", "wanted"),
    [({"user:write"}, ["user:read"]), ({"user:write"}, ["*"]), ({"user:write"}, ["user:write", "extension:read"]), (set(), ["a:b"])],
)
def test_a_key_gives_nothing_that_it_does_not_have(within: set[str], wanted: list[str]) -> None:
    with rejected("invalid_scopes", match="more scopes than its own"):
        checked_scopes(wanted, within=frozenset(within))


def test_a_key_gives_what_it_has() -> None:
    assert checked_scopes(["user:write"], within=frozenset({"user:write", "user:read"})) == ["user:write"]
    assert checked_scopes(["*", "user:write"], within=frozenset({"*"})) == ["*", "user:write"]


async def test_a_key_that_would_have_expired_or_is_described_at_length_is_refused(db: Database) -> None:
    clock, _ = Clock(), await add_user(db, ADA)
    for refused in (
        issue_api_key(db, tenant_id=TENANT, user=ADA, expires_at=clock(), now=clock),
        issue_api_key(db, tenant_id=TENANT, user=ADA, description=""),
        issue_api_key(db, tenant_id=TENANT, user=ADA, description="x" * 256),
        issue_api_key(db, tenant_id=TENANT, user=ADA, description="a\x00b"),
    ):
        with rejected("invalid_api_key"):
            await refused


async def test_a_key_acts_as_a_user_of_its_own_tenant_alone(db: Database) -> None:
    ada = await add_user(db, ADA)
    for user in (ADA, ada.user_id):
        with rejected("user_unknown"):
            await issue_api_key(db, tenant_id=OTHER_TENANT, user=user)


@pytest.mark.parametrize("named_by", ["id", "prefix", "key"])
async def test_a_key_is_revoked_by_id_prefix_or_itself_and_others_live_on(db: Database, named_by: str) -> None:
    await add_user(db, ADA)
    made, doomed = await issue_api_key(db, tenant_id=TENANT, user=ADA)
    _, kept = await issue_api_key(db, tenant_id=TENANT, user=ADA)
    name = {"id": made.api_key_id, "prefix": made.prefix, "key": doomed}[named_by]
    for _ in range(2):
        revoked = await revoke_api_key(db, tenant_id=TENANT, key=name)
        assert (revoked.api_key_id, revoked.revoked) == (made.api_key_id, True)
    assert await find_api_key(db, doomed) is None
    assert await find_api_key(db, kept) is not None
    assert {one.api_key_id for one in await list_api_keys(db, tenant_id=TENANT) if one.revoked} == {made.api_key_id}


async def test_keys_with_the_same_prefix_are_distinguished_by_id(db: Database) -> None:
    await add_user(db, ADA)
    keys = [await issue_api_key(db, tenant_id=TENANT, user=ADA) for _ in range(2)]
    async with db.transaction() as session:
        await session.execute(update(ApiKey).values(prefix="hf_0000000"))
    with rejected("ambiguous_api_key"):
        await revoke_api_key(db, tenant_id=TENANT, key="hf_0000000")
    await revoke_api_key(db, tenant_id=TENANT, key=keys[0][0].api_key_id)
    # Now there is one left that it can mean.
    assert (await revoke_api_key(db, tenant_id=TENANT, key="hf_0000000")).api_key_id == keys[1][0].api_key_id


@pytest.mark.parametrize("named_by", ["id", "prefix", "key", "", "hf_", "a\x00b"])
async def test_a_key_of_another_tenant_is_unknown(db: Database, named_by: str) -> None:
    await add_user(db, ADA)
    made, key = await issue_api_key(db, tenant_id=TENANT, user=ADA)
    name = {"id": made.api_key_id, "prefix": made.prefix, "key": key}.get(named_by, named_by)
    with rejected("api_key_unknown") as refused:
        await revoke_api_key(db, tenant_id=OTHER_TENANT, key=name)
    assert key not in str(refused.value)
    assert await list_api_keys(db, tenant_id=OTHER_TENANT) == []
    assert await find_api_key(db, key) is not None
