"""`/api/v1/events`: what people see of events, and what they do with dead letters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from holdfast.contract.background_call import BackgroundCall
from holdfast.gateway.background.execute import execute_background
from holdfast.records.database.uuids import new_id
from holdfast.registry.models.events import ExtensionEvent, ExtensionEventLoss
from holdfast.registry.models.publishing import ExtensionAuditLog
from tests.gateway.platform import Platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user
from tests.registry.events.subscribers import add_install

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
EVENTS = "/api/v1/events"


async def add(platform: Platform, status: str, *, install: str | None = None, tenant_id: str = TENANT) -> str:
    event_id = new_id()
    values: dict[str, Any] = {"topic": "client.created", "subject": "client:1", "data": {"clientName": "C"}, "failures": 8, "attempts": 8}
    async with platform.db.transaction() as session:
        session.add(
            ExtensionEvent(
                id=event_id,
                tenant_id=tenant_id,
                install_id=install or platform.installed.install_id,
                status=status,
                occurred_at=NOON,
                available_at=NOON,
                **values,
            )
        )
    return event_id


async def test_events_are_listed_by_page_status_and_extension_without_their_data(platform: Platform) -> None:
    admin = await platform.admin()
    ids = [await add(platform, status) for status in ("delivered", "dead", "waiting")]
    async with platform.db.transaction() as session:
        session.add(ExtensionEventLoss(install_id=platform.installed.install_id, tenant_id=TENANT, lost=7, last_at=NOON))
    first = (await platform.http.get(f"{EVENTS}?limit=2", headers=admin)).json()
    assert [event["id"] for event in first["events"]] == [ids[2], ids[1]]
    assert first["lost"] == 7
    second = (await platform.http.get(f"{EVENTS}?limit=2&cursor={first['nextCursor']}", headers=admin)).json()
    assert ([event["id"] for event in second["events"]], second["nextCursor"]) == ([ids[0]], None)
    dead = (await platform.http.get(f"{EVENTS}?status=dead&extension=com.example.notes", headers=admin)).json()
    assert [event["id"] for event in dead["events"]] == [ids[1]]
    assert "data" not in dead["events"][0] and dead["events"][0]["topic"] == "client.created"
    shown = (await platform.http.get(f"{EVENTS}/{ids[0]}", headers=admin)).json()
    assert (shown["event"]["status"], shown["data"]) == ("delivered", {"clientName": "C"})


@pytest.mark.parametrize("query", ["status=lost", "cursor=x", "cursor=99999999999999999999", "cursor=", "limit=x", "limit=201"])
async def test_a_list_that_makes_no_sense_is_refused(platform: Platform, query: str) -> None:
    assert (await platform.http.get(f"{EVENTS}?{query}", headers=await platform.admin())).status_code == 400


async def test_a_dead_letter_is_retried_out_of_order_and_what_waits_is_dropped(platform: Platform) -> None:
    admin = await platform.admin()
    dead, waiting, delivering = [await add(platform, status) for status in ("dead", "waiting", "delivering")]
    retried = (await platform.http.post(f"{EVENTS}/{dead}/retry", json={}, headers=admin)).json()["event"]
    assert (retried["status"], retried["outOfOrder"], retried["attempts"], retried["finishedAt"]) == ("waiting", True, 8, None)
    dropped = (await platform.http.post(f"{EVENTS}/{waiting}/drop", json={}, headers=admin)).json()["event"]
    assert dropped["status"] == "dropped"
    for event, action, code in ((dead, "retry", "event_not_retryable"), (delivering, "drop", "event_not_droppable")):
        refused = await platform.http.post(f"{EVENTS}/{event}/{action}", json={}, headers=admin)
        assert (refused.status_code, refused.json()["error"]) == (409, code)
    async with platform.db.session() as session:
        actions = list((await session.scalars(select(ExtensionAuditLog.event_type).order_by(ExtensionAuditLog.created_at))).all())
        failures = await session.scalar(select(ExtensionEvent.failures).where(ExtensionEvent.id == dead))
    assert actions[-2:] == ["event.retried", "event.dropped"]
    assert failures == 0


async def test_events_of_another_tenant_are_not_there(platform: Platform) -> None:
    other = await add_install(platform.db, [], tenant_id=OTHER_TENANT)
    theirs = await add(platform, "dead", install=other, tenant_id=OTHER_TENANT)
    admin = await platform.admin()
    assert (await platform.http.get(EVENTS, headers=admin)).json() == {"events": [], "lost": 0, "nextCursor": None}
    for method, path in (("GET", theirs), ("POST", f"{theirs}/retry"), ("POST", f"{theirs}/drop")):
        answer = await platform.http.request(method, f"{EVENTS}/{path}", json={} if method == "POST" else None, headers=admin)
        assert (answer.status_code, answer.json()["error"]) == (404, "event_not_found")


async def test_who_may_only_read_extensions_sees_no_data_of_events(platform: Platform) -> None:
    event = await add(platform, "dead")
    reader = await platform.key_of(await add_user(platform.db, "admin@example.com", admin=True), scopes=["extension:read"])
    assert (await platform.http.get(EVENTS, headers=reader)).status_code == 200
    assert (await platform.http.get(f"{EVENTS}/{event}", headers=reader)).status_code == 403
    assert (await platform.http.post(f"{EVENTS}/{event}/retry", json={}, headers=reader)).status_code == 403


async def test_an_install_without_the_capability_of_a_topic_is_not_called(platform: Platform) -> None:
    call = BackgroundCall(
        tenant_id=TENANT,
        install_id=platform.installed.install_id,
        number=1,
        method="POST",
        path="/notes",
        trigger="event",
        requires="cap:service.read",
    )
    result = await execute_background(platform.services, new_id(), new_id(), call)
    assert (result.status, result.code) == ("skipped", "capability_missing")
    assert platform.runner.requests == []
