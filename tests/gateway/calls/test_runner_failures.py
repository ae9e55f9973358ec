"""Calls whose runner is not there, responds badly or late, or reports that the extension failed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response, StreamingResponse

from holdfast.gateway.runners import RunnerClient
from tests.events.recording_server import Recorded, free_port
from tests.gateway.calls.outcomes import NOTES, outcome
from tests.gateway.platform import SERVICE_TOKEN, Platform
from tests.gateway.platform import platform as made
from tests.records.databases import add_user


def _plain(content: bytes, status: int = 200) -> Any:
    return lambda _: Response(content, status)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (_plain(b""), "empty_response"),
        (_plain(b"not json"), "invalid_response"),
        (_plain(b"[]"), "invalid_response"),
        (_plain(b'{"status": "200"}'), "invalid_response"),
        (_plain(b'{"status": 200, "headers": {}, "body_b64": "%%%", "error": null}'), "invalid_response"),
        (_plain(b"secret internals", 500), "runner_error"),
        (_plain(b"", 302), "runner_error"),
        (_plain(b"x" * (9 * 1024 * 1024)), "invalid_response"),
    ],
)
async def test_an_invalid_response_from_the_runner_is_a_bad_gateway(platform: Platform, answer: Any, code: str) -> None:
    platform.runner.answer = answer
    response = await platform.http.get(NOTES, headers={**await platform.admin(), "x-request-id": "req-1"})
    shape = response.json()
    assert (response.status_code, shape["error"], shape["requestId"], shape["details"]["code"]) == (502, "bad_gateway", "req-1", code)
    assert "secret" not in response.text
    assert await outcome(platform) == ("error", code, 502)


async def test_a_runner_that_is_not_there_is_a_bad_gateway(platform: Platform) -> None:
    admin = await platform.admin()
    await platform.services.runner.close()
    platform.services.runner = RunnerClient(f"http://127.0.0.1:{free_port()}", SERVICE_TOKEN)
    response = await platform.http.get(NOTES, headers=admin)
    assert (response.status_code, response.json()["details"]) == (502, {"code": "runner_transport_error"})
    assert await outcome(platform) == ("error", "runner_transport_error", 502)


@pytest.mark.parametrize("slow", ["headers", "body"])
async def test_a_runner_that_stops_responding_is_a_timeout_even_within_its_response(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    monkeypatch.setattr("holdfast.gateway.runners.client.GRACE_SECONDS", 0.05)
    ever = asyncio.Event()

    async def drip() -> Any:
        yield b'{"status": 200'
        await ever.wait()

    async def answer(_: Recorded) -> Response:
        if slow == "headers":
            await ever.wait()
        return StreamingResponse(drip())

    async with made(tmp_path, gateway_timeout_ms=50) as platform:
        platform.runner.answer = answer
        response = await platform.http.get(NOTES, headers=await platform.admin())
        ever.set()
        assert (response.status_code, response.json()["error"]) == (504, "gateway_timeout")
        assert await outcome(platform) == ("timeout", "timeout", 504)


async def test_a_deadline_that_the_runner_enforced_is_a_timeout(platform: Platform) -> None:
    platform.fail("deadline", "took too long")
    response = await platform.http.get(NOTES, headers={**await platform.admin(), "x-request-id": "req-1"})
    assert (response.headers["x-request-id"], response.json()["requestId"]) == ("req-1", "req-1")
    assert (response.status_code, response.json()["error"], response.json()["details"]["code"]) == (504, "gateway_timeout", "deadline")
    assert await outcome(platform) == ("timeout", "timeout", 504)


async def test_a_busy_runner_has_its_own_error_with_a_retry_time(platform: Platform) -> None:
    platform.fail("busy")
    response = await platform.http.get(NOTES, headers=await platform.admin())
    assert (response.status_code, response.json()["error"], response.headers["retry-after"]) == (503, "extension_busy", "1")
    assert await outcome(platform) == ("error", "extension_busy", 503)


async def test_only_users_who_may_change_an_extension_see_how_it_failed(platform: Platform) -> None:
    platform.fail("trap", "unreachable")
    reader = await add_user(platform.db, "ada@example.com", admin=True)
    limited = await platform.http.get(NOTES, headers=await platform.key_of(reader, scopes=["extension:read"]))
    assert limited.status_code == 502
    assert limited.json()["details"] == {"code": "trap"}
    full = await platform.http.get(NOTES, headers=await platform.key_of(reader))
    assert full.json()["details"] == {"code": "trap", "reason": "unreachable", "guest_stack": ["handler.js:7"], "stderr": ["oops"]}
    assert {row.error for row in await platform.log()} == {"trap"}


async def test_in_development_everybody_sees_how_an_extension_failed(tmp_path: Path) -> None:
    async with made(tmp_path, environment="development") as platform:
        platform.fail("trap", "unreachable")
        reader = await add_user(platform.db, "ada@example.com", admin=True)
        response = await platform.http.get(NOTES, headers=await platform.key_of(reader, scopes=["extension:read"]))
        assert response.json()["details"]["guest_stack"] == ["handler.js:7"]


async def test_a_runner_that_only_names_the_failure_is_understood(platform: Platform) -> None:
    platform.runner.answer = lambda _: JSONResponse(
        {"status": 502, "headers": {}, "body_b64": None, "error": "bundle_fetch_failed: secret"}
    )
    reader = await add_user(platform.db, "ada@example.com", admin=True)
    response = await platform.http.get(NOTES, headers=await platform.key_of(reader, scopes=["extension:read"]))
    assert (response.status_code, response.json()["details"]) == (502, {"code": "bundle_fetch_failed"})
