"""What `holdfast dev` may tell the gateway, and what calls and open pages make of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from holdfast.gateway.api.development.streams import page_frames, session_frames
from holdfast.gateway.development.documents import SCRIPT, add_script
from holdfast.gateway.development.reports import BuildState
from holdfast.gateway.development.sessions import DevelopmentSession, DevelopmentSessions
from tests.gateway.platform import ORIGIN, Platform
from tests.gateway.platform import platform as running_platform
from tests.records.databases import OTHER_TENANT, TENANT, add_user
from tests.waiting import MAX_WAIT_SECONDS, until

API = "/api/ext-dev"
BUILDING, READY = BuildState(status="building"), BuildState(status="ready", content_hash="sha256:" + "1" * 64, pages="p1")


@pytest.fixture
async def developing(tmp_path: Path) -> AsyncIterator[Platform]:
    async with running_platform(tmp_path, environment="development") as running:
        yield running


def report(platform: Platform, session: DevelopmentSession, state: BuildState) -> None:
    registry_id = platform.installed.registry_id
    platform.services.development.report(session, registry_id, frozenset({registry_id}), state)


async def put(platform: Platform, session: DevelopmentSession, headers: dict[str, str], state: Any) -> httpx2.Response:
    sent = {**headers, "x-holdfast-session": session.secret}
    return await platform.http.put(f"{API}/extensions/{platform.installed.registry_id}", headers=sent, json=state)


def state_of(frame: bytes) -> Any:
    assert frame.startswith(b"event: state\n")
    return json.loads(frame.split(b"data: ", 1)[1])


async def test_production_has_none_of_it(platform: Platform) -> None:
    headers = await platform.admin()
    for method, path in (
        ("GET", "session"),
        ("PUT", "extensions/x"),
        ("DELETE", "extensions/x"),
        ("POST", "checks/1"),
        ("GET", "events?extensionId=x"),
    ):
        response = await platform.http.request(method, f"{API}/{path}", headers=headers)
        assert (response.status_code, response.json()["error"]) == (404, "endpoint_not_found")


async def test_a_program_on_another_machine_has_no_session(developing: Platform) -> None:
    headers = await developing.admin()
    transport = httpx2.ASGITransport(app=developing.app, client=("203.0.113.9", 40_000))
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as http:
        for method, path in (("GET", "session"), ("PUT", "extensions/x"), ("DELETE", "extensions/x"), ("POST", "checks/1")):
            denied = await http.request(method, f"{API}/{path}", headers=headers)
            assert (denied.status_code, denied.json()["error"]) == (404, "endpoint_not_found")


async def test_a_report_needs_the_secret_of_a_session_of_the_own_tenant(developing: Platform) -> None:
    admin = await developing.admin()
    other = await developing.key_of(await add_user(developing.db, "other@example.com", tenant_id=OTHER_TENANT, admin=True))
    with developing.services.development.opened(TENANT) as session:
        assert (await put(developing, session, admin, {"status": "building"})).json()["registryId"] == developing.installed.registry_id
        denied = await put(developing, session, other, {"status": "ready"})
        assert (denied.status_code, denied.json()["error"]) == (403, "forbidden")
        guessed = DevelopmentSession(TENANT)
        assert (await put(developing, guessed, admin, {"status": "ready"})).status_code == 403
        state = developing.services.development.find(TENANT, developing.installed.registry_id)
        assert state is not None
        assert state.state.status == "building"
        assert developing.services.development.find(OTHER_TENANT, developing.installed.registry_id) is None
    assert (await put(developing, session, admin, {"status": "ready"})).status_code == 403, "the session has ended"


async def test_a_session_needs_a_key_that_may_write(developing: Platform) -> None:
    cookie = await developing.cookie_of(await add_user(developing.db, "staff@example.com", admin=True))
    reader = await developing.key_of(await add_user(developing.db, "reader@example.com"))
    for headers in (cookie, reader):
        response = await developing.http.get(f"{API}/session", headers=headers)
        assert (response.status_code, response.json()["error"]) == (403, "forbidden")


async def test_a_platform_with_several_gateway_processes_refuses_a_session(tmp_path: Path) -> None:
    async with running_platform(tmp_path, environment="development", gateway_workers=2) as running:
        response = await running.http.get(f"{API}/session", headers=await running.admin())
        assert (response.status_code, response.json()["error"]) == (409, "development_unavailable")


async def test_one_session_builds_an_extension(developing: Platform) -> None:
    admin, sessions = await developing.admin(), developing.services.development
    with sessions.opened(TENANT) as first, sessions.opened(TENANT) as second:
        assert (await put(developing, first, admin, {"status": "building"})).status_code == 200
        refused = await put(developing, second, admin, {"status": "building"})
        assert (refused.status_code, refused.json()["error"]) == (409, "already_developed")


async def test_a_session_withdraws_only_its_own_extension_and_its_calls_go_on(developing: Platform) -> None:
    admin, sessions = await developing.admin(), developing.services.development
    path = f"{API}/extensions/{developing.installed.registry_id}"
    with sessions.opened(TENANT) as first, sessions.opened(TENANT) as second:
        report(developing, first, BUILDING)
        call = asyncio.create_task(developing.http.get(f"/api/ext/{developing.installed.registry_id}/notes", headers=admin))
        sessions.checked(first, (await first.messages.get()).split(" ")[0])
        ignored = await developing.http.delete(path, headers=admin | {"x-holdfast-session": second.secret})
        assert ignored.status_code == 204
        assert sessions.find(TENANT, developing.installed.registry_id) is not None
        assert not call.done()
        done = await developing.http.delete(path, headers=admin | {"x-holdfast-session": first.secret})
        assert done.status_code == 204
        assert sessions.find(TENANT, developing.installed.registry_id) is None
        assert (await call).status_code == 200
        # Another session can build it now.
        assert (await put(developing, second, admin, {"status": "building"})).status_code == 200


@pytest.mark.parametrize("gateway", ["ext", "ext-proxy"])
async def test_a_call_asks_for_a_check_and_waits_for_the_build(developing: Platform, gateway: str) -> None:
    admin, sessions = await developing.admin(), developing.services.development
    with sessions.opened(TENANT) as session:
        report(developing, session, READY)
        call = asyncio.create_task(developing.http.get(f"/api/{gateway}/{developing.installed.registry_id}/notes", headers=admin))
        number, registry_id = (await session.messages.get()).split(" ")
        assert registry_id == developing.installed.registry_id
        # The source has changed since the last build.
        report(developing, session, BUILDING)
        sessions.checked(session, number)
        await until(lambda: not session.checks)
        assert not call.done()
        assert developing.runner.requests == []
        report(developing, session, READY)
        assert (await asyncio.wait_for(call, MAX_WAIT_SECONDS)).text == "hello"


async def test_a_call_does_not_wait_while_the_source_is_unchanged(developing: Platform) -> None:
    sessions = developing.services.development
    with sessions.opened(TENANT) as session:
        report(developing, session, READY)
        waiting = asyncio.create_task(sessions.wait_until_current(TENANT, developing.installed.registry_id))
        number, _ = (await session.messages.get()).split(" ")
        sessions.checked(session, number)
        assert await asyncio.wait_for(waiting, MAX_WAIT_SECONDS) is False
        assert await sessions.wait_until_current(OTHER_TENANT, developing.installed.registry_id) is False


async def test_a_call_waits_neither_for_a_silent_session_nor_for_an_endless_build(developing: Platform) -> None:
    sessions = DevelopmentSessions(check_seconds=0.01, hold_seconds=0.01)
    with sessions.opened(TENANT) as session, capture_logs() as logged:
        sessions.report(session, "r", frozenset({"r"}), BUILDING)
        assert await sessions.wait_until_current(TENANT, "r") is True
    assert [line["event"] for line in logged] == ["development_session_silent", "development_build_not_awaited"]


async def test_the_end_of_a_session_releases_calls_and_pages(developing: Platform) -> None:
    sessions, registry_id = developing.services.development, developing.installed.registry_id
    frames = page_frames(developing.services, TENANT, registry_id)
    assert await anext(frames) == b": connected\n\n"
    assert state_of(await anext(frames)) is None
    with sessions.opened(TENANT) as session:
        report(developing, session, BUILDING)
        assert state_of(await anext(frames))["status"] == "building"
        waiting = asyncio.create_task(sessions.wait_until_current(TENANT, registry_id))
        await session.messages.get()
    assert await asyncio.wait_for(waiting, MAX_WAIT_SECONDS) in (True, False)
    assert state_of(await anext(frames)) is None
    assert not sessions
    await frames.aclose()


async def test_a_page_gets_only_states_of_its_tenant(developing: Platform) -> None:
    sessions, registry_id = developing.services.development, developing.installed.registry_id
    with sessions.opened(TENANT) as session:
        report(developing, session, READY)
        own = page_frames(developing.services, TENANT, registry_id)
        other = page_frames(developing.services, OTHER_TENANT, registry_id)
        assert [await anext(own), await anext(other)] == [b": connected\n\n"] * 2
        assert state_of(await anext(own))["contentHash"] == READY.content_hash
        assert state_of(await anext(other)) is None
        await own.aclose()
        await other.aclose()


async def test_a_session_lasts_as_long_as_its_stream(developing: Platform) -> None:
    frames = session_frames(developing.services, TENANT)
    first = await anext(frames)
    secret = json.loads(first.split(b"data: ", 1)[1])["secret"]
    session = developing.services.development.find_session(TENANT, secret)
    assert session is not None
    session.messages.put_nowait("1 r")
    assert await anext(frames) == b"event: check\ndata: 1 r\n\n"
    await frames.aclose()
    assert developing.services.development.find_session(TENANT, secret) is None


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"<!doctype html><html><head><title>x</title>", b"<!doctype html><html><head>" + SCRIPT + b"<title>x</title>"),
        (b'<HTML lang="de"><body>', b'<HTML lang="de">' + SCRIPT + b"<body>"),
        (b"<!DOCTYPE html>\n<p>x", b"<!DOCTYPE html>" + SCRIPT + b"\n<p>x"),
        (b"<p>x", SCRIPT + b"<p>x"),
        (b"<header>x</header>", SCRIPT + b"<header>x</header>"),
    ],
)
def test_the_script_for_style_sheets_is_first_in_a_document(document: bytes, expected: bytes) -> None:
    assert add_script(document) == expected
