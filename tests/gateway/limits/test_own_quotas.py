"""Quotas that one install has of its own: set over the API and by SQL, they decide the next call of every gateway process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from holdfast.registry.models.publishing import ExtensionAuditLog
from holdfast.registry.quotas.kinds import QuotaLimits, QuotaOverrides
from holdfast.storage.errors import StorageError
from holdfast.storage.records import Write
from tests.gateway.platform import Platform
from tests.gateway.platform import platform as running_platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user
from tests.waiting import MAX_WAIT_SECONDS

NOTES = "/api/ext/com.example.notes/notes"
QUOTAS = "/api/v1/extensions/com.example.notes/quotas"
SETTINGS = QuotaLimits(calls=10, cpu_ms=None, fuel=None, egress_bytes=1_000, storage_bytes=500)


def test_what_an_install_has_of_its_own_replaces_the_settings() -> None:
    assert SETTINGS.replaced_by(QuotaOverrides()) is SETTINGS
    own = SETTINGS.replaced_by(QuotaOverrides(calls=3, fuel=7, egress_bytes=0, storage_bytes=9))
    assert own == QuotaLimits(calls=3, cpu_ms=None, fuel=7, egress_bytes=None, storage_bytes=9)


async def _limits(platform: Platform, headers: dict[str, str]) -> dict[str, tuple[int | None, bool]]:
    shown = (await platform.http.get(QUOTAS, headers=headers)).json()["quotas"][0]["quotas"]
    return {use["quota"]: (use["limit"], use["isOwn"]) for use in shown}


async def _set_by_sql(platform: Platform, **columns: int | None) -> None:
    async with platform.db.transaction() as session:
        for name, value in columns.items():
            await session.execute(text(f"UPDATE tenant_extension_install SET {name} = :value"), {"value": value})


async def test_the_next_call_obeys_what_the_api_or_sql_has_set(tmp_path: Path, database_url: str) -> None:
    async with running_platform(tmp_path, database_url=database_url, quota_calls=3) as platform:
        admin = await platform.admin()

        async def status() -> int:
            return (await platform.http.get(NOTES, headers=admin)).status_code

        assert await status() == 200
        changed = await platform.http.patch(QUOTAS, json={"calls": 1, "fuel": 50}, headers=admin)
        assert changed.status_code == 200
        assert {use["quota"]: use["limit"] for use in changed.json()["quotas"][0]["quotas"]}["calls"] == 1
        refused = await platform.http.get(NOTES, headers=admin)
        assert (refused.status_code, refused.json()["details"]["limit"]) == (429, 1)
        assert "holdfast quotas set" in refused.text
        assert (await _limits(platform, admin))["fuel"] == (50, True)
        # Null returns to the settings, and what the request does not name stays.
        assert (await platform.http.patch(QUOTAS, json={"calls": None}, headers=admin)).status_code == 200
        limits = await _limits(platform, admin)
        assert (limits["calls"], limits["fuel"]) == ((3, False), (50, True))
        assert [await status() for _ in range(3)] == [200, 200, 429]
        await _set_by_sql(platform, quota_calls=0)

        async with asyncio.timeout(MAX_WAIT_SECONDS):
            while await status() != 200:
                await asyncio.sleep(0.01)
        await platform.services.close_limits()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"calls": 4}, 403, "quota_above_limit"),
        ({"calls": 0}, 403, "quota_above_limit"),
        ({"storage_bytes": 2**40}, 403, "quota_above_limit"),
        ({"calls": -1}, 400, None),
        ({"calls": 2**63}, 400, None),
        ({"unknown": 1}, 400, None),
    ],
)
async def test_a_tenant_cannot_take_more_than_the_server_gives(
    shared: tuple[Platform, dict[str, str]], body: dict[str, Any], status: int, code: str | None
) -> None:
    platform, admin = shared
    answer = await platform.http.patch(QUOTAS, json=body, headers=admin)
    assert answer.status_code == status
    assert code is None or answer.json()["error"] == code
    assert (await _limits(platform, admin))["calls"] == (3, False)


@pytest.fixture
async def shared(tmp_path: Path) -> Any:
    async with running_platform(tmp_path, quota_calls=3) as platform:
        yield platform, await platform.admin()


async def test_it_needs_a_permission_and_the_tenants_own_install_and_is_audited(shared: tuple[Platform, dict[str, str]]) -> None:
    platform, admin = shared
    member = await platform.key_of(await add_user(platform.db, "member@example.com"))
    assert (await platform.http.patch(QUOTAS, json={"calls": 1}, headers=member)).status_code == 403
    other = await platform.key_of(await add_user(platform.db, "o@example.com", tenant_id=OTHER_TENANT, admin=True))
    assert (await platform.http.patch(QUOTAS, json={"calls": 1}, headers=other)).status_code == 404
    assert (await platform.http.patch(QUOTAS, json={"calls": 2}, headers=admin)).status_code == 200
    async with platform.db.session() as session:
        rows = (await session.scalars(select(ExtensionAuditLog).where(ExtensionAuditLog.event_type == "quotas.changed"))).all()
    assert [(row.tenant, row.details) for row in rows] == [(TENANT, {"quotas": {"calls": 2}})]


async def test_what_an_install_stores_has_its_own_limit_too(tmp_path: Path, database_url: str) -> None:
    async with running_platform(tmp_path, database_url=database_url) as platform:
        async with platform.db.session() as session:
            install_id = str((await session.execute(text("SELECT id FROM tenant_extension_install"))).scalar_one())
        storage = platform.services.storage.of(TENANT, install_id)
        large = Write(key="large", value="x" * 400)
        await _set_by_sql(platform, quota_storage_bytes=300)
        with pytest.raises(StorageError) as refused:
            await storage.put("space", large)
        assert (refused.value.code, refused.value.details["limit"]) == ("QUOTA_EXCEEDED", 300)
        await _set_by_sql(platform, quota_storage_bytes=0)
        await storage.put("space", large)
        await _set_by_sql(platform, quota_storage_bytes=None)
        await storage.put("space", large)
        await platform.services.close_limits()
