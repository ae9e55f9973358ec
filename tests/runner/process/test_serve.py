"""The runner as a process: it starts on an inherited socket, stops with its parent or at a signal, and does not start without its token."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from holdfast.processes.sockets import listen, port_of
from holdfast.runner.http.errors import ServiceTokenUnusable
from holdfast.runner.http.service_token import caller_token, outgoing_token, service_token
from holdfast.settings import Settings
from tests.waiting import MAX_WAIT_SECONDS


@asynccontextmanager
async def process(
    folder: Path, *arguments: str, pass_fds: tuple[int, ...] = (), **variables: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {"PATH": os.environ["PATH"], "HOLDFAST_DATA_DIR": str(folder / "data"), "HOLDFAST_ENGINE_POOL": "false"} | variables
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "holdfast.runner", *arguments, cwd=folder, env=environment, pass_fds=pass_fds, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


def free_port() -> socket.socket:
    return listen("127.0.0.1", 0, purpose="a test", variable="RUNNER_PORT")


async def healthy(port: int) -> None:
    """The listening socket queues the request until the runner serves."""
    async with httpx2.AsyncClient(trust_env=False, timeout=MAX_WAIT_SECONDS) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200


async def ended(started: asyncio.subprocess.Process) -> tuple[int, str]:
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        _, written = await started.communicate()
    assert started.returncode is not None
    return started.returncode, written.decode()


async def test_it_serves_on_an_inherited_socket_and_ends_with_its_parent(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with free_port() as sock:
        port, fd = sock.getsockname()[1], sock.fileno()
        options = ("--fd", str(fd), "--parent-pipe", str(reading))
        async with process(tmp_path, *options, pass_fds=(fd, reading), RUNNER_SERVICE_TOKEN="t") as started:
            os.close(reading)
            await healthy(port)
            os.close(writing)
            code, written = await ended(started)
    assert code == 0
    assert f"Starting runner on port {port}" in written
    assert "The runner has stopped" in written


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_gracefully(tmp_path: Path, number: signal.Signals) -> None:
    with free_port() as sock:
        async with process(tmp_path, "--fd", str(sock.fileno()), pass_fds=(sock.fileno(),), RUNNER_SERVICE_TOKEN="t") as started:
            await healthy(sock.getsockname()[1])
            started.send_signal(number)
            code, written = await ended(started)
    assert code == 0
    assert "The runner has stopped" in written


async def test_without_its_token_it_does_not_start_and_names_the_variable(tmp_path: Path) -> None:
    async with process(tmp_path) as started:
        code, written = await ended(started)
    assert code == 1
    assert written.count("\n") == 1
    assert "RUNNER_SERVICE_TOKEN" in written


async def test_a_setting_that_is_not_valid_is_named(tmp_path: Path) -> None:
    async with process(tmp_path, RUNNER_SERVICE_TOKEN="t", RUNNER_PORT="many") as started:
        code, written = await ended(started)
    assert code == 1
    assert "RUNNER_PORT" in written and "Traceback" not in written


async def test_the_error_for_a_port_in_use_says_what_to_do(tmp_path: Path) -> None:
    with free_port() as taken:
        port = port_of(taken)
        async with process(tmp_path, RUNNER_SERVICE_TOKEN="t", RUNNER_PORT=str(port)) as started:
            code, written = await ended(started)
    assert code == 1
    assert f"Port {port}, needed by the runner, is taken" in written and "RUNNER_PORT" in written


@pytest.mark.parametrize("token", [None, "", "   "])
def test_a_missing_token_is_rejected_in_every_environment(token: str | None) -> None:
    with pytest.raises(ServiceTokenUnusable, match="RUNNER_SERVICE_TOKEN"):
        service_token(_settings(runner_service_token=token))


@pytest.mark.parametrize("token", ["local-runner-key", "changeme", "secret"])
def test_a_well_known_token_works_in_development_only(token: str) -> None:
    assert service_token(_settings(runner_service_token=token)) == token
    with pytest.raises(ServiceTokenUnusable):
        service_token(_settings(runner_service_token=token, environment="production"))


def _settings(**fields: str | bool | None) -> Settings:
    given: dict[str, object] = {"_env_file": None, **fields}
    return Settings(**given)  # type: ignore[arg-type]


def test_callers_without_a_token_are_served_in_development_only() -> None:
    assert caller_token(_settings(runner_service_token="t", require_auth=True)) == "t"
    assert caller_token(_settings(require_auth=False)) is None
    with pytest.raises(ServiceTokenUnusable, match="RUNNER_REQUIRE_AUTH"):
        caller_token(_settings(require_auth=False, runner_service_token="a-good-token", environment="production"))


def test_the_runners_own_calls_carry_the_storage_token_when_there_is_one() -> None:
    assert outgoing_token(_settings(runner_service_token="a", runner_storage_api_token="b")) == "b"
    assert outgoing_token(_settings(runner_service_token="a")) == "a"
    assert outgoing_token(_settings(require_auth=False)) == ""


async def test_a_runner_without_authentication_warns_at_its_start(tmp_path: Path) -> None:
    async with process(tmp_path, RUNNER_REQUIRE_AUTH="false", RUNNER_PORT="0") as started:
        assert started.stderr is not None
        written = b""
        while b"Starting runner on port" not in written:
            line = await started.stderr.readline()
            assert line, written
            written += line
        assert b"RUNNER_REQUIRE_AUTH=false" in written
        port = int(written.rsplit(b"port ", 1)[1].split()[0].strip(b"\x1b[0m"))
        async with httpx2.AsyncClient(trust_env=False, timeout=MAX_WAIT_SECONDS) as client:
            body = {"context": {"tenant_id": "t", "extension_id": "e", "content_hash": "ab" * 32}, "http": {"method": "GET", "path": "/"}}
            response = await client.post(
                f"http://127.0.0.1:{port}/v1/execute", json=body, headers={"x-alga-tenant": "t", "x-alga-extension": "e"}
            )
        assert response.json()["error"].startswith("bundle_fetch_failed")
        started.send_signal(signal.SIGTERM)
        assert (await ended(started))[0] == 0
