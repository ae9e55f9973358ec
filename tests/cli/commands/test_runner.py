"""`holdfast runner`: the runner alone."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import httpx2

from tests.cli.command_runner import COMMAND, clean_environment, run
from tests.runner.processes import runner_process
from tests.waiting import MAX_WAIT_SECONDS


def test_the_runner_prints_its_address_responds_to_health_checks_and_stops_on_request(tmp_path: Path) -> None:
    environment = clean_environment(RUNNER_SERVICE_TOKEN="a-long-token-of-this-test", REGISTRY_BASE_URL="http://127.0.0.1:9")
    command = [*COMMAND, "runner", "--json", "--port", "0", "--data-dir", str(tmp_path / "data")]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            origin = json.loads(process.stdout.readline())["runner"]
            assert httpx2.get(f"{origin}/healthz", trust_env=False, timeout=MAX_WAIT_SECONDS).status_code == 200
            process.send_signal(signal.SIGTERM)
            rest, said = process.communicate(timeout=MAX_WAIT_SECONDS)
        finally:
            process.kill()
    assert rest == b""
    assert b"Starting runner on port" in said and b"Traceback" not in said


def test_a_runner_without_a_token_is_rejected_with_the_variable_to_set(tmp_path: Path) -> None:
    rejected = run("runner", "--port", "0", "--data-dir", "data", cwd=tmp_path)
    assert (rejected.returncode, rejected.stdout) == (1, "")
    assert "RUNNER_SERVICE_TOKEN" in rejected.stderr


def test_a_runner_without_a_registry_reports_that_it_serves_no_pages(tmp_path: Path) -> None:
    with runner_process(tmp_path) as (origin, _):
        assert httpx2.get(f"{origin}/healthz", trust_env=False, timeout=MAX_WAIT_SECONDS).status_code == 200
    assert "REGISTRY_BASE_URL is not set" in (tmp_path / "runner.log").read_text()
