"""A call that does not reach the runner has a line in the debug stream of an extension that is being developed, and only there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.gateway.development.reports import BuildState
from holdfast.gateway.development.sessions import DevelopmentSession, DevelopmentSessions
from tests.gateway.platform import Platform
from tests.gateway.platform import platform as running_platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user


@pytest.fixture
async def developing(tmp_path: Path) -> AsyncIterator[Platform]:
    limits: dict[str, Any] = {"rate_limit_extension_staff": "3+1/min", "request_body_max_bytes": 100}
    async with running_platform(tmp_path, environment="development", **limits) as running:
        yield running


@pytest.fixture
async def session(developing: Platform) -> AsyncIterator[DevelopmentSession]:
    """`holdfast dev` builds the extension, and answers what it is asked."""
    sessions, registry_id = developing.services.development, developing.installed.registry_id
    with sessions.opened(TENANT) as opened:
        sessions.report(opened, registry_id, frozenset({registry_id}), BuildState(status="ready"))
        answering = asyncio.create_task(_answer_checks(sessions, opened))
        yield opened
        answering.cancel()


async def _answer_checks(sessions: DevelopmentSessions, session: DevelopmentSession) -> None:
    while True:
        number, _ = (await session.messages.get()).split(" ")
        sessions.checked(session, number)


async def lines(platform: Platform, *, tenant_id: str = TENANT) -> list[str]:
    return [event.message for _, event in await platform.services.events.tail(tenant_id, platform.installed.registry_id, 100)]


@pytest.mark.usefixtures("session")
async def test_each_refusal_is_reported_with_its_reason(developing: Platform) -> None:
    http, path = developing.http, f"/api/ext/{developing.installed.registry_id}"
    admin = await developing.admin()
    reader = await developing.key_of(await add_user(developing.db, "reader@example.com"))
    response = await http.get(f"{path}/nowhere?x=1", headers=admin)
    [(_, event)] = await developing.services.events.tail(TENANT, developing.installed.registry_id, 1)
    assert event.message.startswith("call refused: GET /nowhere with 404 endpoint_not_found: ")
    assert response.json()["message"] in event.message and response.json()["hint"] in event.message
    assert (event.level, event.stream, event.request_id) == ("warn", "host", response.headers["x-request-id"])
    await http.post(f"{path}/notes", headers=reader, content=b"{}")
    await http.post(f"{path}/notes", headers=admin, content=b"x" * 101)
    await http.post(f"{path.replace('ext', 'ext-proxy', 1)}/nowhere", headers=admin, json={"__method": "DELETE"})
    developing.fail("busy")
    for _ in range(3):
        await http.get(f"{path}/notes", headers=admin)
    expected = [
        "GET /nowhere with 404 endpoint_not_found",
        "POST /notes with 403 forbidden",
        "POST /notes with 413 payload_too_large",
        "DELETE /nowhere with 404 endpoint_not_found",
        "GET /notes with 503 extension_busy",
        "GET /notes with 503 extension_busy",
        "GET /notes with 429 rate_limited",
    ]
    assert [line.removeprefix("call refused: ").partition(": ")[0] for line in await lines(developing)] == expected


@pytest.mark.usefixtures("session")
async def test_a_call_that_the_runner_gets_and_callers_of_other_tenants_add_nothing(developing: Platform) -> None:
    path, admin = f"/api/ext/{developing.installed.registry_id}", await developing.admin()
    assert (await developing.http.get(f"{path}/notes", headers=admin)).status_code == 200
    developing.fail("trap")
    assert (await developing.http.get(f"{path}/notes", headers=admin)).status_code == 502
    stranger = await developing.key_of(await add_user(developing.db, "other@example.com", tenant_id=OTHER_TENANT, admin=True))
    assert (await developing.http.get(f"{path}/notes", headers=stranger)).status_code == 404
    assert (await developing.http.get(f"{path}/notes")).status_code == 401
    assert [await lines(developing), await lines(developing, tenant_id=OTHER_TENANT)] == [[], []]


async def test_without_holdfast_dev_a_refusal_is_only_logged(developing: Platform) -> None:
    path = f"/api/ext/{developing.installed.registry_id}/nowhere"
    assert (await developing.http.get(path, headers=await developing.admin())).status_code == 404
    assert await lines(developing) == []
