"""`holdfast up` in front of a runner that was started on its own, as the guide starts the two."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx2
import psutil

from holdfast.processes.sockets import listen, port_of
from tests.cli.command_runner import Platform, run
from tests.runner.processes import runner_process
from tests.waiting import MAX_WAIT_SECONDS

TOKEN = "a-token-of-both"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_the_gateway_uses_the_runner_that_its_variable_names(tmp_path: Path, extension: Path) -> None:
    port = free_port()
    alone = tmp_path / "alone"
    alone.mkdir()
    shared = {"RUNNER_SERVICE_TOKEN": TOKEN, "BUNDLE_STORE_BASE": str(tmp_path / "bundles"), "ALGA_AUTH_KEY": "a-key-of-both"}
    with (
        runner_process(alone, REGISTRY_BASE_URL=f"http://127.0.0.1:{port}", **shared) as (origin, _),
        Platform(tmp_path, extension, as_json=True, port=port, RUNNER_BACKEND="docker", RUNNER_DOCKER_HOST=origin, **shared) as platform,
    ):
        ready = platform.ready()
        assert ready["runner"] == origin
        assert psutil.Process(platform.process.pid).children() == []
        with httpx2.Client(base_url=ready["console"], trust_env=False, timeout=MAX_WAIT_SECONDS) as client:
            response = client.get("/api/ext/com.example.sample/ping", headers={"x-api-key": ready["api_key"]})
        assert (response.status_code, response.text) == (200, "ok")


def test_an_unreachable_runner_is_reported_and_the_platform_starts(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0, purpose="a test", flag="--port", variable="PORT") as taken:
        away = f"http://127.0.0.1:{port_of(taken)}"
    with Platform(tmp_path, RUNNER_BASE_URL=away, RUNNER_SERVICE_TOKEN=TOKEN) as platform:
        assert platform.ready()["runner"] == away
        assert (
            f"the runner does not respond; start it with `holdfast runner`, calls fail until then address={away}" in platform.stderr_text()
        )


def test_a_platform_without_the_token_of_its_runner_is_rejected(tmp_path: Path) -> None:
    rejected = run("up", "--port", "0", "--data-dir", "data", cwd=tmp_path, RUNNER_BASE_URL="http://127.0.0.1:1")
    assert rejected.returncode == 1
    assert "RUNNER_SERVICE_TOKEN" in rejected.stderr
