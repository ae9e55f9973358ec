"""`holdfast up` as a process: what it prints, what it rejects, and that no process remains."""

from __future__ import annotations

import json
import os
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from holdfast.platform.lock_file import STATE_FILE, find_platform
from holdfast.processes.sockets import listen, port_of
from tests.cli.command_runner import Platform, alive, run, write_extension
from tests.waiting import MAX_WAIT_SECONDS

PING = "/api/ext/com.example.sample/ping"


def call(ready: dict[str, Any]) -> httpx2.Response:
    with httpx2.Client(base_url=ready["console"], trust_env=False, timeout=MAX_WAIT_SECONDS) as client:
        return client.get(PING, headers={"x-api-key": ready["api_key"]})


def test_one_line_has_all_addresses_and_the_extension_responds(platform: Platform) -> None:
    ready = platform.ready()
    assert list(ready) == ["console", "runner", "tenant", "email", "password", "api_key"]
    response = call(ready)
    assert (response.status_code, response.text) == (200, "ok")
    # The call went to the runner's Unix socket: besides the socket that listens there, one is connected.
    runner_sockets = psutil.Process(platform.runner_pid()).net_connections(kind="unix")
    assert len([one for one in runner_sockets if str(one.laddr).endswith("/0.sock")]) >= 2
    running = find_platform(platform.data_dir)
    assert running is not None
    assert (running.pid, running.console, running.runner) == (platform.process.pid, ready["console"], ready["runner"])
    assert (platform.data_dir / STATE_FILE).stat().st_mode & 0o777 == 0o600
    platform.process.send_signal(signal.SIGTERM)
    rest, _ = platform.process.communicate(timeout=MAX_WAIT_SECONDS)
    assert rest == b""


def test_up_without_json_prints_address_login_key_and_extensions(tmp_path: Path, extension: Path) -> None:
    with Platform(tmp_path, extension, as_json=False) as platform:
        assert platform.process.stdout is not None
        lines: list[str] = []
        while not any("Press Ctrl-C to stop" in line for line in lines):
            lines.append(platform.process.stdout.readline().decode())
            assert lines[-1], platform.stderr_text()
    said = "".join(lines)
    assert "Holdfast is running at http://127.0.0.1:" in said
    assert "admin@holdfast.localhost" in said and "hf_" in said
    assert "/msp/extensions/" in said and "Sample" in said


@pytest.mark.parametrize(("ending", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGHUP, 0)])
def test_a_signal_stops_everything_in_order(tmp_path: Path, ending: signal.Signals, code: int) -> None:
    with Platform(tmp_path) as platform:
        platform.ready()
        own = [platform.process.pid, *(child.pid for child in psutil.Process(platform.process.pid).children(recursive=True))]
        assert len(own) == 2
        platform.process.send_signal(ending)
        assert platform.process.wait(timeout=MAX_WAIT_SECONDS) == code
        assert alive(own) == []
        assert "Traceback" not in platform.stderr_text()
    assert not (platform.data_dir / STATE_FILE).exists()
    assert find_platform(platform.data_dir) is None


def test_the_runner_of_a_killed_platform_exits(tmp_path: Path) -> None:
    with Platform(tmp_path) as platform:
        platform.ready()
        runner = platform.runner_pid()
        platform.process.kill()
        platform.process.wait(timeout=MAX_WAIT_SECONDS)
        assert alive([runner]) == []


def test_a_killed_runner_is_restarted_while_callers_wait(platform: Platform) -> None:
    ready = platform.ready()
    before = platform.runner_pid()
    os.kill(before, signal.SIGKILL)
    assert alive([before]) == []
    response = call(ready)
    assert (response.status_code, response.text) == (200, "ok")
    assert platform.runner_pid() != before


def test_a_second_platform_on_the_same_data_folder_is_rejected(tmp_path: Path) -> None:
    with Platform(tmp_path) as platform:
        ready = platform.ready()
        second = run("up", "--json", "--data-dir", platform.data_dir, "--port", "0", "--runner-port", "0", cwd=tmp_path)
        assert second.returncode == 1
        assert json.loads(second.stdout)["error"] == "data_folder_in_use"
        assert ready["console"] in second.stderr and str(platform.process.pid) in second.stderr
        assert find_platform(platform.data_dir) is not None


@pytest.mark.parametrize(("flag", "variable"), [("--port", "PORT"), ("--runner-port", "RUNNER_PORT")])
def test_a_port_conflict_is_reported_with_port_owner_and_option(tmp_path: Path, flag: str, variable: str) -> None:
    with closing(listen("127.0.0.1", 0, purpose="test", flag="", variable="")) as taken:
        port = str(port_of(taken))
        rejected = run("up", "--data-dir", tmp_path / "data", *_ports(flag, port), cwd=tmp_path)
    assert rejected.returncode == 1
    assert rejected.stdout == ""
    (sentence,) = rejected.stderr.splitlines()
    assert port in sentence and flag in sentence and variable in sentence and f"(pid {os.getpid()})" in sentence


def _ports(flag: str, port: str) -> list[str]:
    ports = {"--port": "0", "--runner-port": "0"} | {flag: port}
    return [part for pair in ports.items() for part in pair]


def test_an_extension_that_cannot_be_installed_does_not_stop_the_others(tmp_path: Path, extension: Path) -> None:
    broken = write_extension(tmp_path / "broken", component=b"no component", name="com.example.broken")
    with Platform(tmp_path, broken, extension) as platform:
        ready = platform.ready()
        assert call(ready).status_code == 200
        assert f"Cannot install {broken}:" in platform.stderr_text()


def test_a_folder_without_a_manifest_is_rejected_before_anything_starts(tmp_path: Path) -> None:
    rejected = run("up", tmp_path, "--data-dir", tmp_path / "data", cwd=tmp_path)
    assert rejected.returncode == 1
    assert "manifest.json" in rejected.stderr
    assert not (tmp_path / "data").exists()


def test_account_and_installs_survive_a_restart(tmp_path: Path, extension: Path) -> None:
    with Platform(tmp_path, extension) as first:
        before = first.ready()
        first.process.send_signal(signal.SIGTERM)
        first.process.wait(timeout=MAX_WAIT_SECONDS)
    with Platform(tmp_path) as second:
        after = second.ready()
        assert call(after).status_code == 200
    assert after["password"] == before["password"] and after["api_key"] == before["api_key"]


def test_tokens_are_in_no_command_line(tmp_path: Path) -> None:
    with Platform(tmp_path, RUNNER_SERVICE_TOKEN="a-token-of-this-test") as platform:
        platform.ready()
        runner = psutil.Process(platform.runner_pid())
        assert runner.environ()["RUNNER_SERVICE_TOKEN"] == "a-token-of-this-test"
        assert not any("a-token-of-this-test" in argument for argument in runner.cmdline())
