"""Grants: one by one, only what is asked for, and from the next call on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.errors import ExtensionNotInstalled, UnknownCapability
from holdfast.registry.models.installs import TenantExtensionInstallConfig
from holdfast.registry.models.publishing import ExtensionAuditLog
from tests.records.databases import OTHER_TENANT
from tests.registry.counter import Counter
from tests.registry.published import ADA

KV, FETCH, HOST = "cap:storage.kv", "cap:http.fetch", "api.example.com"


@pytest.fixture
async def counter(db: Database, store: FolderStore, tmp_path: Path) -> Counter:
    counter = Counter(db, store, tmp_path)
    await counter.publish()
    await counter.install()
    return counter


async def test_grants_say_what_is_asked_for_and_what_is_granted(counter: Counter) -> None:
    await counter.revoke(KV)
    grants = await counter.grants()
    assert (grants.asked, grants.granted) == ([FETCH, KV], [FETCH])
    assert (grants.asked_egress, grants.granted_egress, grants.pending) == ([HOST], [HOST], None)


async def test_what_is_revoked_is_gone_from_the_next_call_and_back_when_it_is_granted(counter: Counter) -> None:
    assert {KV, FETCH} <= set((await counter.context()).providers)
    await counter.revoke(FETCH)
    assert FETCH not in (await counter.context()).providers and KV in (await counter.context()).providers
    await counter.revoke(egress=(HOST,))
    assert (await counter.context()).egress == []
    granted = await counter.grant(" CAP:HTTP.fetch ", egress=(" API.example.com",))
    assert (granted.granted, granted.granted_egress) == ([FETCH, KV], [HOST])
    context = await counter.context()
    assert FETCH in context.providers and context.egress == [HOST]


@pytest.mark.parametrize(("capabilities", "egress"), [(("cap:secrets.get",), ()), (("cap:rule.world",), ()), ((), ("evil.example.com",))])
async def test_what_is_not_asked_for_is_neither_granted_nor_revoked(
    counter: Counter, capabilities: tuple[str, ...], egress: tuple[str, ...]
) -> None:
    for change in (counter.grant, counter.revoke):
        with pytest.raises(UnknownCapability) as refused:
            await change(KV, *capabilities, egress=egress)
        assert refused.value.details == {"unknown": [*capabilities, *egress]}
    assert (await counter.grants()).granted == [FETCH, KV]


async def test_a_change_is_in_the_audit_log_and_nothing_is_no_change(counter: Counter) -> None:
    before = (await counter.row()).updated_at
    await counter.grant(KV)
    assert (await counter.row()).updated_at == before
    await counter.revoke(KV, egress=(HOST,))
    await counter.grant(KV)
    assert (await counter.row()).updated_at > before
    async with counter.db.session() as session:
        query = select(ExtensionAuditLog.details).where(ExtensionAuditLog.event_type == "grants.changed")
        details = (await session.scalars(query.order_by(ExtensionAuditLog.created_at))).all()
        noted = (await session.scalars(select(TenantExtensionInstallConfig.providers))).one()
    assert list(details) == [
        {"revoked": {"capabilities": [KV], "egress": [HOST]}},
        {"granted": {"capabilities": [KV], "egress": []}},
    ]
    assert noted == [FETCH, KV]


async def test_another_tenant_neither_sees_nor_changes_grants(counter: Counter) -> None:
    with pytest.raises(ExtensionNotInstalled):
        await counter.grants(actor=ADA)
    with pytest.raises(ExtensionNotInstalled):
        await counter.revoke(KV, actor=ADA)
    await counter.install(actor=ADA)
    await counter.revoke(KV, actor=ADA)
    assert (await counter.grants()).granted == [FETCH, KV]


async def test_changes_at_once_do_not_lose_each_other(counter: Counter) -> None:
    await counter.revoke(KV, FETCH, egress=(HOST,))
    await asyncio.gather(counter.grant(KV), counter.grant(FETCH), counter.grant(egress=(HOST,)))
    grants = await counter.grants()
    assert (grants.granted, grants.granted_egress) == ([FETCH, KV], [HOST])
    await asyncio.gather(counter.revoke(KV), counter.revoke(FETCH))
    assert (await counter.grants()).granted == []
    assert (await counter.row()).tenant_id == OTHER_TENANT
