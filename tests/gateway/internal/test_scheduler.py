from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import set_enabled
from holdfast.registry.models.installs import TenantExtensionSchedule
from tests.gateway.platform import INTERNAL_TOKEN, SERVICE_TOKEN, Platform
from tests.records.databases import OTHER_TENANT, TENANT

UNKNOWN = "33333333-3333-4333-8333-333333333333"
EVERY_HOUR: dict[str, Any] = {"operation": "create", "endpoint": "POST /notes", "cron": "0 * * * *"}


@pytest.fixture
async def platform(platform: Platform) -> Platform:
    platform.installed = await platform.install("schedules.tar.zst", name="com.example.schedules", capabilities=["cap:scheduler.manage"])
    return platform


async def operate(platform: Platform, install_id: str | None = None, token: str = INTERNAL_TOKEN, **body: Any) -> httpx2.Response:
    url = f"/api/internal/ext-scheduler/install/{install_id or platform.installed.install_id}"
    return await platform.http.post(url, json=body, headers={"x-runner-auth": token})


async def listed(platform: Platform) -> list[dict[str, Any]]:
    schedules: list[dict[str, Any]] = (await operate(platform, operation="list")).json()["schedules"]
    return schedules


async def test_a_schedule_is_created_read_changed_and_deleted(platform: Platform) -> None:
    created = await operate(platform, **EVERY_HOUR, name=" Hourly ", payload={"a": [1]}, timezone="Europe/Berlin")
    assert created.status_code == 201
    schedule_id = created.json()["scheduleId"]
    assert created.json() == {"success": True, "scheduleId": schedule_id}
    (shown,) = await listed(platform)
    assert shown.pop("createdAt").endswith("Z")
    assert shown == {
        **{"id": schedule_id, "endpointPath": "/notes", "endpointMethod": "POST", "name": "Hourly", "cron": "0 * * * *"},
        **{"timezone": "Europe/Berlin", "enabled": True, "payload": {"a": [1]}, "nextDueAt": None},
        **{"lastRunAt": None, "lastRunStatus": None, "lastError": None},
    }
    changed = await operate(platform, operation="update", scheduleId=schedule_id, cron="*/10 * * * *", enabled=False)
    assert (changed.status_code, changed.json()) == (200, {"success": True})
    one = (await operate(platform, operation="get", scheduleId=schedule_id)).json()["schedule"]
    # What was not given stays.
    assert (one["cron"], one["enabled"], one["name"], one["payload"]) == ("*/10 * * * *", False, "Hourly", {"a": [1]})
    await operate(platform, operation="update", scheduleId=schedule_id, name=None, payload=None, timezone=None)
    one = (await operate(platform, operation="get", scheduleId=schedule_id)).json()["schedule"]
    assert (one["name"], one["payload"], one["timezone"]) == (None, None, "Europe/Berlin")
    assert (await operate(platform, operation="delete", scheduleId=schedule_id)).json() == {"success": True}
    assert await listed(platform) == []
    gone = await operate(platform, operation="delete", scheduleId=schedule_id)
    assert (gone.status_code, gone.json()["code"]) == (404, "NOT_FOUND")


async def test_every_wrong_field_is_named(platform: Platform) -> None:
    wrong = await operate(
        platform, operation="create", endpoint="/nothing", cron="* * * * *", timezone="Mars/Base", payload=1, name="n" * 129
    )
    assert wrong.status_code == 400
    assert wrong.json()["success"] is False
    assert wrong.json()["fieldErrors"] == {
        "cron": "Cron too frequent (minimum interval is 5 minutes)",
        "timezone": "Invalid timezone",
        "name": "Name too long",
        "payload": "Payload must be a JSON object or array",
        "endpoint": "Endpoint not found or not schedulable",
    }
    assert wrong.json()["error"] in wrong.json()["fieldErrors"].values()
    assert (await operate(platform, **EVERY_HOUR, payload=["x" * 99_996])).status_code == 201
    too_large = await operate(platform, **EVERY_HOUR, payload=["x" * 99_997])
    assert too_large.json()["fieldErrors"] == {"payload": "Payload too large"}
    assert (await operate(platform, operation="create", cron="0 * * * *")).json()["code"] == "VALIDATION_FAILED"
    assert (await operate(platform, operation="nonsense")).status_code == 400


async def test_only_get_and_post_without_parameters_are_schedulable(platform: Platform) -> None:
    endpoints = (await operate(platform, operation="getEndpoints")).json()["endpoints"]
    assert [(one["method"], one["path"], one["schedulable"]) for one in endpoints] == [
        ("GET", "/notes", True),
        ("POST", "/notes", True),
        ("GET", "/notes/:id", False),
    ]
    assert (await operate(platform, **EVERY_HOUR | {"endpoint": "/notes/:id"})).status_code == 400
    assert (await operate(platform, **EVERY_HOUR | {"endpoint": "notes"})).status_code == 201
    assert [(one["endpointMethod"], one["endpointPath"]) for one in await listed(platform)] == [("GET", "/notes")]


async def test_a_name_belongs_to_one_schedule_of_an_install(platform: Platform) -> None:
    first = (await operate(platform, **EVERY_HOUR, name="a")).json()["scheduleId"]
    assert (await operate(platform, **EVERY_HOUR)).status_code == 201
    assert (await operate(platform, **EVERY_HOUR)).status_code == 201
    again = await operate(platform, **EVERY_HOUR, name="a ")
    assert again.json()["fieldErrors"] == {"name": "Schedule name already in use for this extension"}
    other = (await operate(platform, **EVERY_HOUR, name="b")).json()["scheduleId"]
    renamed = await operate(platform, operation="update", scheduleId=other, name="a", cron="0 1 * * *")
    assert renamed.json()["fieldErrors"] == {"name": "Schedule name already in use for this extension"}
    # A change that is refused changes nothing.
    assert {one["id"]: one["cron"] for one in await listed(platform)}[other] == "0 * * * *"
    assert (await operate(platform, operation="update", scheduleId=first, name="a")).status_code == 200


async def test_an_install_has_fifty_schedules_also_when_they_are_created_at_once(platform: Platform) -> None:
    endpoint_id = (await platform.services.schedules.endpoints(TENANT, platform.installed.install_id))[0].id
    async with platform.db.transaction() as session:
        for number in range(47):
            session.add(
                TenantExtensionSchedule(
                    install_id=platform.installed.install_id, tenant_id=TENANT, endpoint_id=endpoint_id, cron="0 * * * *", name=f"{number}"
                )
            )
    results = await asyncio.gather(*(operate(platform, **EVERY_HOUR) for _ in range(8)))
    assert sorted(one.status_code for one in results) == [201] * 3 + [400] * 5
    refused = next(one for one in results if one.status_code == 400)
    assert refused.json()["error"] == "Too many schedules (max 50 per extension install)"
    async with platform.db.session() as session:
        assert await session.scalar(select(func.count()).select_from(TenantExtensionSchedule)) == 50


async def test_an_extension_changes_its_schedules_ten_times_a_minute(platform: Platform) -> None:
    schedule_id = (await operate(platform, **EVERY_HOUR)).json()["scheduleId"]
    for number in range(9):
        assert (await operate(platform, operation="update", scheduleId=schedule_id, name=str(number))).status_code == 200
    refused = await operate(platform, operation="delete", scheduleId=schedule_id)
    assert refused.status_code == 429
    assert refused.json() == {"error": "Too many requests, please try again later", "code": "RATE_LIMITED", "details": None}
    assert len(await listed(platform)) == 1
    platform.seconds.value += 60
    assert (await operate(platform, operation="delete", scheduleId=schedule_id)).status_code == 200


async def test_only_the_runner_and_only_with_the_capability(platform: Platform) -> None:
    assert (await operate(platform, token=SERVICE_TOKEN + "x", operation="list")).json()["code"] == "UNAUTHORIZED"
    without = await platform.install("without.tar.zst", name="com.example.without", capabilities=[])
    denied = await operate(platform, without.install_id, operation="list")
    assert (denied.status_code, denied.json()["code"]) == (403, "NOT_ALLOWED")
    assert (await operate(platform, UNKNOWN, operation="list")).status_code == 404
    await set_enabled(platform.db, actor=local_actor(TENANT), extension=platform.installed.registry_id, enabled=False)
    assert (await operate(platform, operation="list")).status_code == 401


async def test_the_schedules_of_another_tenant_do_not_exist(platform: Platform) -> None:
    mine = (await operate(platform, **EVERY_HOUR, name="mine")).json()["scheduleId"]
    other = await platform.install(
        "other.tar.zst", tenant_id=OTHER_TENANT, name="com.example.schedules", capabilities=["cap:scheduler.manage"]
    )
    assert (await operate(platform, other.install_id, operation="list")).json() == {"schedules": []}
    assert (await operate(platform, other.install_id, operation="get", scheduleId=mine)).json() == {"schedule": None}
    for change in ({"operation": "update", "cron": "0 1 * * *"}, {"operation": "delete"}):
        refused = await operate(platform, other.install_id, scheduleId=mine, **change)
        assert refused.status_code == 404
    assert [one["cron"] for one in await listed(platform)] == ["0 * * * *"]
