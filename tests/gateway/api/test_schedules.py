"""Schedules over REST: the routes of Holdfast and those that samples call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from holdfast.registry.models.publishing import ExtensionAuditLog
from tests.gateway.platform import Platform
from tests.gateway.platform import platform as running_platform
from tests.records.databases import OTHER_TENANT, add_user

NAME = "com.example.notes"
ROOTS = ("/api/v1/extensions", "/api/extensions")
V1 = f"/api/v1/extensions/{NAME}"
HOURLY: dict[str, Any] = {"endpoint": "POST /notes", "cron": "0 * * * *", "name": "Hourly", "payload": {"a": [1]}}
UNKNOWN = "33333333-3333-4333-8333-333333333333"


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    """On SQLite only: the tests of the service run on both databases."""
    async with running_platform(tmp_path) as running:
        yield running


@pytest.mark.parametrize("root", ROOTS)
async def test_a_schedule_is_created_shown_changed_run_and_deleted(platform: Platform, root: str) -> None:
    admin, http = await platform.admin(), platform.http
    schedules = f"{root}/{NAME}/schedules"
    created = await http.post(schedules, json=HOURLY, headers=admin)
    assert created.status_code == 201, created.text
    schedule = created.json()["schedule"]
    assert (schedule["endpointMethod"], schedule["endpointPath"], schedule["timezone"]) == ("POST", "/notes", "UTC")
    one = f"{schedules}/{schedule['id']}"
    changed = await http.patch(one, json={"cron": "*/10 * * * *", "enabled": False}, headers=admin)
    assert changed.json()["schedule"] == schedule | {"cron": "*/10 * * * *", "enabled": False}, "nothing else changes"
    run = await http.post(f"{one}/run-now", headers=admin)
    assert (run.status_code, run.json()["run"]["status"], run.json()["run"]["cause"]) == (202, "due", "manual"), "a disabled one too"
    cleared = await http.patch(one, json={"name": None, "payload": None}, headers=admin)
    assert (cleared.json()["schedule"]["name"], cleared.json()["schedule"]["payload"]) == (None, None)
    assert (await http.get(one, headers=admin)).json() == cleared.json()
    assert (await http.get(schedules, headers=admin)).json()["schedules"] == [cleared.json()["schedule"]]
    assert (await http.delete(one, headers=admin)).json() == {"id": schedule["id"]}
    assert (await http.get(one, headers=admin)).status_code == 404
    runs = (await http.get(f"{V1}/schedules/{schedule['id']}/runs", headers=admin)).json()["runs"]
    assert runs == [run.json()["run"]], "the history stays"
    async with platform.db.session() as session:
        rows = await session.scalars(select(ExtensionAuditLog).where(ExtensionAuditLog.event_type.startswith("schedule.")))
        found = [(row.event_type, row.resource_name, (row.details or {})["schedule_id"]) for row in rows]
    events = ("schedule.created", "schedule.changed", "schedule.run", "schedule.changed", "schedule.deleted")
    assert found == [(event, f"acme.{NAME}", schedule["id"]) for event in events]


async def test_a_taken_name_changes_nothing(platform: Platform) -> None:
    admin, http = await platform.admin(), platform.http
    await http.post(f"{V1}/schedules", json=HOURLY, headers=admin)
    other = (await http.post(f"{V1}/schedules", json=HOURLY | {"name": "Other"}, headers=admin)).json()["schedule"]
    refused = await http.patch(f"{V1}/schedules/{other['id']}", json={"name": "Hourly", "cron": "5 5 * * *"}, headers=admin)
    assert (refused.status_code, refused.json()["error"]) == (400, "schedule_invalid")
    assert refused.json()["details"]["fieldErrors"] == {"name": "Schedule name already in use for this extension"}
    assert (await http.get(f"{V1}/schedules/{other['id']}", headers=admin)).json()["schedule"] == other


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"cron": "99 * * * *"}, "cron"),
        ({"cron": "0-59 * * * *"}, "cron"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"payload": "text"}, "payload"),
        ({"name": "x" * 129}, "name"),
        ({"endpoint": "/nowhere"}, "endpoint"),
        ({"endpoint": UNKNOWN}, "endpoint"),
        ({"endpoint": None}, "endpoint"),
    ],
)
async def test_each_field_that_is_wrong_is_named(platform: Platform, change: dict[str, Any], field: str) -> None:
    refused = await platform.http.post(f"{V1}/schedules", json=HOURLY | change, headers=await platform.admin())
    assert refused.status_code == 400
    assert list(refused.json()["details"]["fieldErrors"]) == [field]


async def test_endpoints_are_listed_and_their_ids_are_accepted(platform: Platform) -> None:
    admin, http = await platform.admin(), platform.http
    endpoints = (await http.get(f"{V1}/endpoints", headers=admin)).json()["endpoints"]
    chosen = next(one for one in endpoints if (one["method"], one["path"]) == ("POST", "/notes"))
    created = await http.post(f"{V1}/schedules", json={"endpointId": chosen["id"], "cron": "0 0 * * *"}, headers=admin)
    assert created.json()["schedule"]["endpointPath"] == "/notes"
    refused = next(one for one in endpoints if not one["schedulable"])
    answer = await http.post(f"{V1}/schedules", json={"endpointId": refused["id"], "cron": "0 0 * * *"}, headers=admin)
    assert answer.status_code == 400


async def test_history_comes_in_pages_and_runs_have_a_rate(platform: Platform) -> None:
    admin, http = await platform.admin(), platform.http
    schedule = (await http.post(f"{V1}/schedules", json=HOURLY, headers=admin)).json()["schedule"]
    runs = [(await http.post(f"{V1}/schedules/{schedule['id']}/run-now", headers=admin)).json()["run"] for _ in range(5)]
    refused = await http.post(f"{V1}/schedules/{schedule['id']}/run-now", headers=admin)
    assert (refused.status_code, refused.json()["error"]) == (429, "schedule_run_rate")
    seen: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await http.get(f"{V1}/schedule-runs", params={"limit": 2, **({"cursor": cursor} if cursor else {})}, headers=admin)).json()
        seen += page["runs"]
        cursor = page["nextCursor"]
    assert {run["id"] for run in seen} == {run["id"] for run in runs}
    assert len(seen) == len(runs)
    assert (await http.get(f"{V1}/schedule-runs/{runs[0]['id']}", headers=admin)).json()["run"] == runs[0]
    for query in ("limit=0", "limit=x", "cursor=x"):
        assert (await http.get(f"{V1}/schedule-runs?{query}", headers=admin)).status_code == 400


async def test_readers_change_nothing_and_clients_and_other_tenants_see_nothing(platform: Platform) -> None:
    admin, http = await platform.admin(), platform.http
    schedule = (await http.post(f"{V1}/schedules", json=HOURLY, headers=admin)).json()["schedule"]
    one = f"{V1}/schedules/{schedule['id']}"
    client = await platform.key_of(await add_user(platform.db, "client@example.com", user_type="client", client=True))
    administrator = await add_user(platform.db, "reader@example.com", admin=True)
    reader = await platform.key_of(administrator, scopes=frozenset({"extension:read"}))
    other = await platform.key_of(await add_user(platform.db, "other@example.com", tenant_id=OTHER_TENANT, admin=True))
    assert (await http.get(one, headers=reader)).status_code == 200
    for method, url in (("POST", f"{V1}/schedules"), ("PATCH", one), ("DELETE", one), ("POST", f"{one}/run-now")):
        body = None if method == "DELETE" or url.endswith("run-now") else HOURLY
        for headers, status in ((reader, 403), (client, 403), (other, 404)):
            assert (await http.request(method, url, json=body, headers=headers)).status_code == status, (method, url, status)
    for url in (one, f"{V1}/schedules", f"{V1}/schedule-runs", f"{one}/runs", f"{V1}/endpoints"):
        assert (await http.get(url, headers=client)).status_code == 403
        assert (await http.get(url, headers=other)).status_code == 404
    (mine,) = (await http.get("/api/v1/schedules", headers=reader)).json()["installs"]
    assert (mine["extension"], mine["schedules"]) == (f"acme.{NAME}", [schedule])
    assert (await http.get("/api/v1/schedules", headers=client)).status_code == 403
    assert (await http.get("/api/v1/schedules", headers=other)).json() == {"installs": []}
    # The ids of another tenant's install find nothing, also where that tenant has the extension.
    await platform.install(tenant_id=OTHER_TENANT)
    for url in (one, f"{one}/run-now"):
        method = "POST" if url.endswith("run-now") else "GET"
        assert (await http.request(method, url, headers=other)).status_code == 404
    assert (await http.get(f"{V1}/schedules", headers=other)).json() == {"schedules": []}
