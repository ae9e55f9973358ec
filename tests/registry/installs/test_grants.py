"""Grants: one by one, only what is asked for, and from the next call on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.errors import ExtensionNotInstalled
from holdfast.registry.models.installs import TenantExtensionInstallConfig
from holdfast.registry.models.publishing import ExtensionAuditLog
from tests.error_codes import rejected
from tests.records.databases import OTHER_TENANT
from tests.registry.installer import Installer
from tests.registry.publisher import ADA

KV, FETCH, HOST = "cap:storage.kv", "cap:http.fetch", "api.example.com"


@pytest.fixture
async def installer(db: Database, store: FolderStore, tmp_path: Path) -> Installer:
    installer = Installer(db, store, tmp_path)
    await installer.publish()
    await installer.install()
    return installer


async def test_grants_say_what_is_asked_for_and_what_is_granted(installer: Installer) -> None:
    await installer.revoke(KV)
    grants = await installer.grants()
    assert (grants.asked, grants.granted) == ([FETCH, KV], [FETCH])
    assert (grants.asked_egress, grants.granted_egress, grants.pending) == ([HOST], [HOST], None)


async def test_what_is_revoked_is_gone_from_the_next_call_and_back_when_it_is_granted(installer: Installer) -> None:
    assert {KV, FETCH} <= set((await installer.context()).providers)
    await installer.revoke(FETCH)
    assert FETCH not in (await installer.context()).providers and KV in (await installer.context()).providers
    await installer.revoke(egress=(HOST,))
    assert (await installer.context()).egress == []
    granted = await installer.grant(" CAP:HTTP.fetch ", egress=(" API.example.com",))
    assert (granted.granted, granted.granted_egress) == ([FETCH, KV], [HOST])
    context = await installer.context()
    assert FETCH in context.providers and context.egress == [HOST]


@pytest.mark.parametrize(("capabilities", "egress"), [(("cap:secrets.get",), ()), (("cap:rule.world",), ()), ((), ("evil.example.com",))])
async def test_what_is_not_asked_for_is_neither_granted_nor_revoked(
    installer: Installer, capabilities: tuple[str, ...], egress: tuple[str, ...]
) -> None:
    for change in (installer.grant, installer.revoke):
        with rejected("unknown_capability") as refused:
            await change(KV, *capabilities, egress=egress)
        assert refused.value.details == {"unknown": [*capabilities, *egress]}
    assert (await installer.grants()).granted == [FETCH, KV]


async def test_a_change_is_in_the_audit_log_and_nothing_is_no_change(installer: Installer) -> None:
    before = (await installer.row()).updated_at
    await installer.grant(KV)
    assert (await installer.row()).updated_at == before
    await installer.revoke(KV, egress=(HOST,))
    await installer.grant(KV)
    assert (await installer.row()).updated_at > before
    async with installer.db.session() as session:
        query = select(ExtensionAuditLog.details).where(ExtensionAuditLog.event_type == "grants.changed")
        details = (await session.scalars(query.order_by(ExtensionAuditLog.created_at))).all()
        noted = (await session.scalars(select(TenantExtensionInstallConfig.providers))).one()
    assert list(details) == [
        {"revoked": {"capabilities": [KV], "egress": [HOST]}},
        {"granted": {"capabilities": [KV], "egress": []}},
    ]
    assert noted == [FETCH, KV]


async def test_another_tenant_neither_sees_nor_changes_grants(installer: Installer) -> None:
    with pytest.raises(ExtensionNotInstalled):
        await installer.grants(actor=ADA)
    with pytest.raises(ExtensionNotInstalled):
        await installer.revoke(KV, actor=ADA)
    await installer.install(actor=ADA)
    await installer.revoke(KV, actor=ADA)
    assert (await installer.grants()).granted == [FETCH, KV]


async def test_changes_at_once_do_not_lose_each_other(installer: Installer) -> None:
    await installer.revoke(KV, FETCH, egress=(HOST,))
    await asyncio.gather(installer.grant(KV), installer.grant(FETCH), installer.grant(egress=(HOST,)))
    grants = await installer.grants()
    assert (grants.granted, grants.granted_egress) == ([FETCH, KV], [HOST])
    await asyncio.gather(installer.revoke(KV), installer.revoke(FETCH))
    assert (await installer.grants()).granted == []
    assert (await installer.row()).tenant_id == OTHER_TENANT
