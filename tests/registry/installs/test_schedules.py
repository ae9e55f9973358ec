"""Schedules of an install whose version changes: matched to endpoints, blocked or disabled where there is none, kept where changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.installs.missing_schedules import SchedulesMissing
from holdfast.registry.models.installs import ExtensionApiEndpoint, ExtensionVersion, TenantExtensionSchedule
from tests.registry.installer import Installer, endpoints, hexes


@pytest.fixture
def installer(db: Database, store: FolderStore, tmp_path: Path) -> Installer:
    return Installer(db, store, tmp_path)


async def test_a_missing_endpoint_blocks_with_the_list_and_nothing_changes(installer: Installer) -> None:
    first = await installer.publish(api=endpoints("/a", "/b"))
    await installer.publish(version="2.0.0", api=endpoints("/a"))
    await installer.install("1.0.0")
    kept, lost = await installer.schedule("GET", "/a"), await installer.schedule("GET", "/b")
    with pytest.raises(SchedulesMissing) as refused:
        await installer.upgrade()
    assert (refused.value.code, refused.value.status) == ("SCHEDULE_REMAP_FAILED", 409)
    assert refused.value.details == {"missing": [{"scheduleId": lost, "method": "GET", "path": "/b"}]}
    assert {key: call for key, (_row, call) in (await installer.schedules()).items()} == {kept: "GET /a of 1.0.0", lost: "GET /b of 1.0.0"}
    assert (await installer.context()).version == "1.0.0" and installer.copies() == hexes(first)


async def test_schedules_without_an_endpoint_are_disabled_on_request(installer: Installer) -> None:
    await installer.publish(api=endpoints("/a", "/b"))
    await installer.publish(version="2.0.0", api=endpoints("/a"))
    await installer.publish(version="3.0.0", api=endpoints("/a", "/b"))
    await installer.install("1.0.0")
    kept = await installer.schedule("GET", "/a", job_id=new_id(), runner_schedule_id="job-1")
    lost = await installer.schedule("GET", "/b", job_id=new_id(), runner_schedule_id="job-2")
    done = await installer.upgrade("2.0.0", disable_missing=True)
    assert [(one.schedule_id, one.method, one.path) for one in done.disabled_schedules] == [(lost, "GET", "/b")]
    rows = await installer.schedules()
    assert (rows[lost][0].enabled, rows[lost][0].job_id, rows[lost][0].runner_schedule_id, rows[lost][0].last_error) == (
        *(False, None, None),
        "Disabled due to missing endpoint on extension update",
    )
    assert rows[kept][0].enabled and rows[kept][0].runner_schedule_id == "job-1" and rows[kept][1] == "GET /a of 2.0.0"
    assert (await installer.upgrade("3.0.0")).disabled_schedules == []
    row, call = (await installer.schedules())[lost]
    assert (row.enabled, call) == (False, "GET /b of 3.0.0"), "it has its endpoint again, but was not enabled"


async def test_what_is_disabled_already_does_not_block_another_time(installer: Installer) -> None:
    await installer.publish(api=endpoints("/a", "/b"))
    await installer.publish(version="2.0.0", api=endpoints("/a"))
    await installer.publish(version="3.0.0", api=endpoints("/a"))
    await installer.install("1.0.0")
    await installer.schedule("GET", "/b")
    await installer.upgrade("2.0.0", disable_missing=True)
    assert (await installer.upgrade("3.0.0")).version == "3.0.0"


async def test_a_method_is_part_of_what_is_matched(installer: Installer) -> None:
    await installer.publish(api=endpoints("/a"))
    await installer.publish(version="2.0.0", api=endpoints("/a", method="POST"))
    await installer.install("1.0.0")
    await installer.schedule("GET", "/a")
    with pytest.raises(SchedulesMissing, match="GET /a"):
        await installer.upgrade()


async def test_a_schedule_with_an_unknown_endpoint_blocks_too(installer: Installer) -> None:
    await installer.publish(api=endpoints("/a"))
    await installer.publish(version="2.0.0", api=endpoints("/a"))
    await installer.install("1.0.0")
    schedule = await installer.schedule("GET", "/a")
    async with installer.db.transaction() as session:
        await session.execute(update(TenantExtensionSchedule).values(endpoint_id=new_id()))
    with pytest.raises(SchedulesMissing) as refused:
        await installer.upgrade()
    assert refused.value.details == {"missing": [{"scheduleId": schedule, "method": "", "path": ""}]}


async def test_endpoint_rows_that_another_platform_did_not_make_are_made(installer: Installer) -> None:
    await installer.publish(api=endpoints("/a"))
    second = await installer.publish(version="2.0.0", api=endpoints("/a"))
    await installer.install("1.0.0")
    schedule = await installer.schedule("GET", "/a")
    async with installer.db.transaction() as session:
        await session.execute(delete(ExtensionApiEndpoint).where(ExtensionApiEndpoint.version_id == second.version_id))
    await installer.upgrade()
    assert (await installer.schedules())[schedule][1] == "GET /a of 2.0.0"


async def test_declared_schedules_follow_the_manifest_where_the_tenant_did_not_change_them(installer: Installer) -> None:
    def declared(*schedules: tuple[str, str, str]) -> list[dict[str, Any]]:
        return [{"name": name, "endpoint": endpoint, "cron": cron} for name, endpoint, cron in schedules]

    old = declared(("Same", "/a", "0 1 * * *"), ("Moved", "/b", "0 2 * * *"), ("Mine", "/a", "0 3 * * *"), ("Gone", "/b", "0 4 * * *"))
    new = declared(("Same", "/a", "0 1 * * *"), ("Moved", "/c", "0 5 * * *"), ("Mine", "/a", "0 6 * * *"), ("New", "/c", "0 7 * * *"))
    deleted = declared(("Deleted", "/a", "0 8 * * *"))
    await installer.publish(api=endpoints("/a", "/b"), schedules=old + deleted)
    await installer.publish(version="2.0.0", api=endpoints("/a", "/c"), schedules=new + deleted)
    await installer.install("1.0.0")
    async with installer.db.transaction() as session:
        await session.execute(update(TenantExtensionSchedule).where(TenantExtensionSchedule.name == "Mine").values(cron="0 9 * * *"))
        await session.execute(delete(TenantExtensionSchedule).where(TenantExtensionSchedule.name == "Deleted"))
    before = {row.name: row.id for row, _call in (await installer.schedules()).values()}
    assert (await installer.upgrade()).disabled_schedules == [], "an unchanged schedule does not block the upgrade"
    after = {row.name: (row.cron, call) for row, call in (await installer.schedules()).values()}
    assert after == {
        "Same": ("0 1 * * *", "GET /a of 2.0.0"),
        "Moved": ("0 5 * * *", "GET /c of 2.0.0"),
        "Mine": ("0 9 * * *", "GET /a of 2.0.0"),
        "New": ("0 7 * * *", "GET /c of 2.0.0"),
    }
    await installer.rollback()
    back = {row.name: row.id for row, _call in (await installer.schedules()).values()}
    assert back == before, "each is the row that it was"


async def test_a_declared_schedule_does_not_take_the_name_of_one_of_the_tenants(installer: Installer) -> None:
    await installer.publish(api=endpoints("/a"))
    await installer.publish(version="2.0.0", api=endpoints("/a"), schedules=[{"name": "Daily", "endpoint": "/a", "cron": "0 1 * * *"}])
    await installer.install("1.0.0")
    mine = await installer.schedule("GET", "/a", name="Daily")
    await installer.upgrade()
    assert list(await installer.schedules()) == [mine]


async def test_a_version_whose_cron_an_earlier_release_accepted_is_installed_and_upgraded(installer: Installer) -> None:
    def daily(cron: str) -> list[dict[str, Any]]:
        return [{"name": "Daily", "endpoint": "/a", "cron": cron}]

    first = await installer.publish(api=endpoints("/a"), schedules=daily("0 1 * * *"))
    await installer.publish(version="2.0.0", api=endpoints("/a"), schedules=daily("0 2 * * *"))
    async with installer.db.transaction() as session:
        old = await session.get_one(ExtensionVersion, first.version_id)
        old.manifest = {**(old.manifest or {}), "schedules": daily("* * * * *")}
    await installer.install("1.0.0")
    assert [row.cron for row, _call in (await installer.schedules()).values()] == ["* * * * *"]
    await installer.upgrade()
    # The old manifest was read: its schedule is known to be unchanged, so it follows the new one.
    assert [row.cron for row, _call in (await installer.schedules()).values()] == ["0 2 * * *"]
