"""Deliveries under failures and kills: every event arrives, those of a subject in their order, and none of another tenant."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter, defaultdict
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, update
from starlette.responses import JSONResponse, Response

from holdfast.records.database.uuids import new_id
from holdfast.registry.actors import local_actor
from holdfast.registry.models.events import ExtensionEvent
from holdfast.registry.models.installs import TenantExtensionInstall
from holdfast.registry.models.publishing import ExtensionEventSubscription
from holdfast.schedules.events.administration import retry_event
from tests.events.recording_server import Recorded
from tests.gateway.platform import Platform
from tests.records.databases import OTHER_TENANT, TENANT, on_sqlite
from tests.registry.events.subscribers import run_sql
from tests.schedules.schedulers import kill, schedulers
from tests.session.effort import repetitions
from tests.waiting import MAX_WAIT_SECONDS, until

CLIENTS = repetitions(3, long=20)
CHANGES = repetitions(2, long=40)
KILLS = repetitions(1, long=30)
TOPICS = ("client.created", "client.updated")


async def subscribe(platform: Platform) -> None:
    """Lets the installed extension receive events of clients at its endpoint POST /notes."""
    install = platform.installed.install_id
    async with platform.db.transaction() as session:
        granted = ["cap:client.read"]
        await session.execute(update(TenantExtensionInstall).where(TenantExtensionInstall.id == install).values(granted_caps=granted))
        session.add_all(
            ExtensionEventSubscription(tenant_id=TENANT, install_id=install, topic=topic, handler="POST /notes") for topic in TOPICS
        )


async def add_client(platform: Platform, tenant_id: str = TENANT) -> str:
    client_id = new_id()
    columns, values = "client_id, tenant, client_name, is_inactive, created_at", f"'{client_id}', '{tenant_id}', '0', false, '2026-01-01'"
    await run_sql(platform.db, f"INSERT INTO clients ({columns}) VALUES ({values})")
    return client_id


async def rename(platform: Platform, client_id: str, name: str) -> None:
    await run_sql(platform.db, f"UPDATE clients SET client_name = '{name}' WHERE client_id = '{client_id}'")


async def statuses(platform: Platform) -> Counter[str]:
    async with platform.db.session() as session:
        return Counter((await session.scalars(select(ExtensionEvent.status))).all())


async def wait_for(platform: Platform, expected: dict[str, int]) -> None:
    """Returns when the events have these statuses."""
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while await statuses(platform) != expected:
            await asyncio.sleep(0.05)


class Endpoint:
    """What the runner has executed: `delivered` are the names of each client in the order of successful calls."""

    def __init__(self, *, fails: Counter[str] | None = None) -> None:
        """`fails` says how many of the first calls for each name of a client fail."""
        self.delivered: defaultdict[str, list[str]] = defaultdict(list)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._fails = Counter(fails or {})

    async def __call__(self, request: Recorded) -> Response:
        http = request.json["http"]
        event = json.loads(base64.b64decode(http["body_b64"]))
        name = event["data"]["clientName"]
        self.calls.append((name, http["headers"]))
        assert event["tenant"] == TENANT and http["headers"]["x-ext-event-id"] == event["id"]
        await asyncio.sleep(0.01)
        status = 500 if self._fails[name] > 0 else 200
        self._fails[name] -= 1
        if status == 200:
            self.delivered[event["subject"]].append(name)
        return JSONResponse({"status": status, "headers": {}, "body_b64": None, "error": None})


def has_calls(endpoint: Endpoint, count: int) -> bool:
    return len(endpoint.calls) >= count


@pytest.mark.process
async def test_events_of_a_subject_arrive_once_and_in_order_while_schedulers_are_killed(platform: Platform) -> None:
    await subscribe(platform)
    platform.runner.answer = endpoint = Endpoint(fails=Counter({"1": 1}))
    clients = [await add_client(platform) for _ in range(CLIENTS)]
    await add_client(platform, OTHER_TENANT)
    async with schedulers(platform) as started:
        children = [await started.start(), await started.start()]
        for number in range(1, CHANGES + 1):
            for client in clients:
                await rename(platform, client, str(number))
            if number <= KILLS:
                await until(partial(has_calls, endpoint, len(endpoint.calls) + 1))
                kill(children[number % 2])
        await wait_for(platform, {"delivered": CLIENTS * (CHANGES + 1)})
    names = [str(number) for number in range(CHANGES + 1)]
    assert dict(endpoint.delivered) == {f"client:{client}": names for client in clients}
    # One failed call, and else one for each event: the runner, which lived all the time, executed nothing twice.
    assert len(endpoint.calls) == CLIENTS * (CHANGES + 1) + 1


@on_sqlite
@pytest.mark.process
async def test_a_dead_letter_lets_later_events_pass_and_is_retried_out_of_order(platform: Platform) -> None:
    await subscribe(platform)
    platform.runner.answer = endpoint = Endpoint(fails=Counter({"1": 2}))
    client = await add_client(platform)
    for name in ("1", "2"):
        await rename(platform, client, name)
    async with schedulers(platform) as started:
        await started.start()
        await wait_for(platform, {"delivered": 2, "dead": 1})
        assert endpoint.delivered[f"client:{client}"] == ["0", "2"]
        async with platform.db.session() as session:
            dead = (await session.scalars(select(ExtensionEvent).where(ExtensionEvent.status == "dead"))).one()
        assert (dead.attempts, dead.http_status, dead.error) == (2, 500, "Runner returned status 500")
        await retry_event(platform.db, actor=local_actor(TENANT), event_id=dead.id)
        await wait_for(platform, {"delivered": 3})
    assert endpoint.delivered[f"client:{client}"] == ["0", "2", "1"]
    calls = [headers for name, headers in endpoint.calls if name == "1"]
    assert [headers["x-ext-event-attempt"] for headers in calls] == ["1", "2", "1"]
    assert [headers.get("x-ext-event-out-of-order") for headers in calls] == [None, None, "true"]
    # What the extension did in one attempt, it recognises in the next.
    assert {headers["x-idempotency-key"] for headers in calls} == {dead.id}
