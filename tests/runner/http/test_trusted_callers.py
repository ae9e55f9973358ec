"""RUNNER_TRUSTED_CALLERS: who needs no token for `POST /v1/execute`, on the fast path and behind ASGI."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import pytest

from holdfast.runner.endpoints.app import create_app
from holdfast.runner.http.server import RunnerServer
from holdfast.runner.http.trusted_callers import TrustedCallers
from holdfast.settings import SettingInvalid, load_settings
from tests.runner import guests
from tests.runner.conftest import EXTENSION, PLAIN, TENANT, TOKEN, Runner, StartRunner, call_body
from tests.waiting import MAX_WAIT_SECONDS

ROUTING = {"x-alga-tenant": TENANT, "x-alga-extension": EXTENSION}
TRUSTED, OUTSIDE = "127.0.1.9", "127.0.2.9"
"""Linux answers from all of 127.0.0.0/8, so one machine has callers with different addresses."""


@pytest.fixture(params=[{}, PLAIN], ids=["fast", "plain"])
def speed_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    settings: dict[str, Any] = request.param
    return settings


@asynccontextmanager
async def client_from(runner: Runner, address: str) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.AsyncHTTPTransport(local_address=address)
    async with httpx2.AsyncClient(base_url=runner.client.base_url, transport=transport, timeout=MAX_WAIT_SECONDS) as client:
        yield client


@asynccontextmanager
async def client_over_unix_socket(runner: Runner) -> AsyncIterator[httpx2.AsyncClient]:
    with TemporaryDirectory() as folder:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(f"{folder}/s")
        listening.listen()
        app, ready = create_app(runner.services), asyncio.Event()
        server = RunnerServer(app, app.fast_routes, listening, stop_seconds=1, on_ready=ready.set, on_stop=lambda: None)
        running = asyncio.create_task(server.serve_and_drain())
        await asyncio.wait_for(ready.wait(), MAX_WAIT_SECONDS)
        transport = httpx2.AsyncHTTPTransport(uds=f"{folder}/s")
        async with httpx2.AsyncClient(base_url="http://runner", transport=transport, timeout=MAX_WAIT_SECONDS) as client:
            yield client
        server.stop()
        await running
        listening.close()


async def execute(client: httpx2.AsyncClient, digest: str, headers: dict[str, str] | None = None, *, padding: int = 0) -> int:
    body = call_body(digest, endpoint="x" * padding)
    return (await client.post("/v1/execute", json=body, headers=ROUTING | (headers or {}))).status_code


async def test_a_caller_in_a_trusted_network_needs_no_token(start_runner: StartRunner) -> None:
    runner = await start_runner(runner_trusted_callers="127.0.1.0/24, ::1/128")
    digest = await runner.put(guests.fine())
    async with client_from(runner, TRUSTED) as trusted:
        assert await execute(trusted, digest) == 200
        assert await execute(trusted, digest, padding=300_000) == 200  # too large for the fast path
        assert await execute(trusted, digest, {"x-runner-auth": ""}) == 200


async def test_a_caller_outside_needs_the_token_whatever_headers_it_sends(start_runner: StartRunner) -> None:
    runner = await start_runner(runner_trusted_callers="127.0.1.0/24")
    digest = await runner.put(guests.fine())
    forwarded = {
        "x-forwarded-for": TRUSTED,
        "x-real-ip": TRUSTED,
        "forwarded": f"for={TRUSTED}",
        "client-ip": TRUSTED,
        "x-forwarded-proto": "unix",
    }
    for address in (OUTSIDE, "127.0.0.1"):
        async with client_from(runner, address) as outside:
            assert await execute(outside, digest) == 401
            assert await execute(outside, digest, forwarded) == 401
            assert await execute(outside, digest, forwarded, padding=300_000) == 401
            assert await execute(outside, digest, {"x-runner-service-token": TOKEN}) == 200
    async with client_from(runner, TRUSTED) as trusted:
        assert await execute(trusted, digest, {"x-forwarded-for": OUTSIDE}) == 200


async def test_a_wrong_token_is_wrong_from_a_trusted_caller_too(start_runner: StartRunner) -> None:
    runner = await start_runner(runner_trusted_callers="127.0.1.0/24")
    async with client_from(runner, TRUSTED) as trusted:
        assert await execute(trusted, "ab" * 32, {"x-runner-service-token": "wrong"}) == 401
        assert await execute(trusted, "ab" * 32, {"x-runner-auth": "wrong"}) == 401


async def test_every_other_route_needs_the_token(start_runner: StartRunner) -> None:
    runner = await start_runner(runner_trusted_callers="127.0.1.0/24")
    warmup = {"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": "ab" * 32}
    async with client_from(runner, TRUSTED) as trusted:
        responses = [
            await trusted.post("/warmup", json=warmup),
            await trusted.post("/v1/components/check", content=b"\0asm", headers={"content-type": "application/wasm"}),
            await trusted.get("/metrics"),
        ]
        assert [response.status_code for response in responses] == [401, 401, 401]
        assert (await trusted.post("/v1/execute/", json=call_body("ab" * 32), headers=ROUTING)).status_code == 404


async def test_no_one_is_trusted_by_default(runner: Runner) -> None:
    async with client_from(runner, "127.0.0.1") as client:
        assert await execute(client, "ab" * 32) == 401
    async with client_over_unix_socket(runner) as client:
        assert await execute(client, "ab" * 32) == 401


async def test_callers_of_the_unix_socket_are_trusted_by_name_only(start_runner: StartRunner) -> None:
    runner = await start_runner(runner_trusted_callers="unix")
    digest = await runner.put(guests.fine())
    async with client_over_unix_socket(runner) as local:
        assert await execute(local, digest) == 200
        assert await execute(local, digest, padding=300_000) == 200
        assert (await local.get("/metrics")).status_code == 401
    async with client_from(runner, TRUSTED) as other:
        assert await execute(other, digest) == 401
    only_network = await start_runner(runner_trusted_callers="127.0.0.0/24")
    async with client_over_unix_socket(only_network) as local:
        assert await execute(local, digest) == 401


async def test_the_trusted_callers_are_logged_at_the_start(start_runner: StartRunner, capsys: pytest.CaptureFixture[str]) -> None:
    await start_runner(runner_trusted_callers="unix,10.0.3.0/24")
    written = "".join(capsys.readouterr())
    line = next(line for line in written.splitlines() if "need no token for POST /v1/execute" in line)
    assert "unix" in line and "10.0.3.0/24" in line


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("10.0.0.0/23", "10.0.0.0/23 is wider than /24"),
        ("0.0.0.0/0", "0.0.0.0/0 is wider than /24"),
        ("fd00::/63", "fd00::/63 is wider than /64"),
        ("::/0", "::/0 is wider than /64"),
        ("10.0.3.7/24", "10.0.3.7/24 is neither"),
        ("::ffff:0:0/96", "::ffff:0:0/96 is a form of IPv4 addresses"),
        ("::ffff:10.0.3.0/120", "is a form of IPv4 addresses"),
        ("64:ff9b::/96", "is a form of IPv4 addresses"),
        ("localhost", "localhost is neither"),
        ("*", "\\* is neither"),
        ("/run/holdfast.sock", "/run/holdfast.sock is neither"),
        ("10.0.3.0/24 10.0.4.0/24", "is neither"),
    ],
)
def test_a_refused_value_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, entry: str, reason: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNNER_TRUSTED_CALLERS", f"10.9.9.0/24,{entry}")
    with pytest.raises(SettingInvalid, match=reason) as refused:
        load_settings()
    assert "RUNNER_TRUSTED_CALLERS" in str(refused.value)


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        (("10.0.3.0", 1), True),
        (("10.0.3.255", 65535), True),
        (("10.0.4.0", 1), False),
        (("10.0.2.255", 1), False),
        (("::ffff:10.0.3.8", 1), True),
        (("::ffff:10.0.4.8", 1), False),
        (("fd00:0:0:1::1", 1), True),
        (("fd00:0:0:1::1%eth0", 1), True),
        (("fd00:0:0:2::1", 1), False),
        (("192.0.2.7", 1), True),
        (("192.0.2.8", 1), False),
        (("unix", 0), False),
        (("", 0), False),
        (("10.0.3.1, 10.0.4.1", 0), False),
        (None, False),
    ],
)
def test_peers_are_compared_with_the_networks(peer: tuple[str, int] | None, trusted: bool) -> None:
    callers = TrustedCallers("10.0.3.0/24,fd00:0:0:1::/64,192.0.2.7")
    assert callers.includes(peer) is trusted
