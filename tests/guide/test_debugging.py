"""The debug stream in Redis, and what the common issues of the guide look like."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.cli.command_runner import run
from tests.guide.setup import GuideSetup
from tests.waiting import wait_until

STREAM = "ext:debug"


def recorded(guide: GuideSetup, *, until: str) -> str:
    """What the command of the guide prints, once it has the event `until`."""
    command = ("XREAD", "COUNT", "10", "STREAMS", STREAM, "0")
    wait_until(lambda: until in guide.redis.command(*command), lambda: guide.redis.command(*command))
    return guide.redis.command(*command)


def clear(guide: GuideSetup) -> None:
    with guide.redis.client() as client:
        client.delete(STREAM)


def test_row_21_after_an_uninstall_the_extension_is_not_found(guide: GuideSetup, built: Callable[[str], Path]) -> None:
    extension = guide.install(built("faulty"))["registry_id"]
    assert guide.command("uninstall", "com.alga.test.faulty").returncode == 0
    with guide.platform.client() as client:
        gone = client.get(f"/api/ext/{extension}/ok")
    assert gone.status_code == 404 and "extension not found" in gone.json()["message"].lower()


def test_rows_22_and_23_and_25_the_logs_have_the_calls_their_failures_and_the_lines_of_handlers(
    guide: GuideSetup, built: Callable[[str], Path]
) -> None:
    extension = guide.install(built("faulty"))["registry_id"]
    with guide.platform.client() as client:
        assert client.get(f"/api/ext/{extension}/logs").status_code == 200
        failed = client.get(f"/api/ext/{extension}/throw")
    request = failed.headers["x-request-id"]
    ended = re.compile(rf"\[warning +\] \[POST /v1/execute\].*request_id={request}")
    wait_until(lambda: request in guide.process.stderr_text() and ended.search(guide.runner.log()) is not None, guide.runner.log)
    runner, gateway = guide.runner.log(), guide.process.stderr_text()
    assert f"Starting runner on port {guide.runner.port}" in runner
    assert re.search(r"\[info +\] com\.alga\.test\.faulty  line 3 ", runner)
    assert re.search(r"\[error +\] com\.alga\.test\.faulty  Error: this handler always fails", runner)
    assert f"[GET /api/ext/{extension}/throw]" in gateway and f"Calling runner at {guide.runner.origin}" in gateway
    assert re.search(rf"\[warning +\] call_failed .*request_id={request}", gateway)
    shown = guide.command("logs", "com.alga.test.faulty", "--request", request)
    assert "Error: this handler always fails" in shown.stdout and "handler.ts:4" in shown.stdout, shown.stderr


def test_row_26_the_stream_shows_context_handler_start_host_calls_and_response(guide: GuideSetup, built: Callable[[str], Path]) -> None:
    extension = guide.install(built("notes"))["registry_id"]
    clear(guide)
    with guide.platform.client() as client:
        assert client.post(f"/api/ext/{extension}/notes", content=b'{"data": "test"}').status_code == 201
    output = recorded(guide, until="call finished")
    for words in ("call started", guide.platform.tenant, extension, "handler", "storage.put"):
        assert words in output, output


def test_row_29_each_404_names_its_cause(guide: GuideSetup, built: Callable[[str], Path], tmp_path: Path) -> None:
    extension = guide.install(built("notes"))["registry_id"]
    with guide.platform.client() as client:
        not_installed = client.post("/api/ext/com.example.not-installed/path")
        not_declared = client.post(f"/api/ext/{extension}/path")
    assert (not_installed.status_code, not_installed.json()["error"]) == (404, "extension_not_available")
    assert (not_declared.status_code, not_declared.json()["error"]) == (404, "endpoint_not_found")
    no_gateway = run("invoke", extension, "POST", "/path", "--data-dir", tmp_path / "data", cwd=tmp_path)
    assert no_gateway.returncode == 1
    assert "No platform is running" in no_gateway.stderr and "holdfast up" in no_gateway.stderr


def test_row_30_an_error_of_a_handler_has_a_stack_mapped_to_its_source(guide: GuideSetup, built: Callable[[str], Path]) -> None:
    extension = guide.install(built("faulty"))["registry_id"]
    clear(guide)
    with guide.platform.client() as client:
        failed = client.get(f"/api/ext/{extension}/throw")
    assert failed.status_code == 500
    output = recorded(guide, until="call finished")
    assert "this handler always fails" in output and "handler.ts:4" in output


def test_row_30_a_missing_capability_is_named(guide: GuideSetup, built: Callable[[str], Path], tmp_path: Path) -> None:
    project = tmp_path / "no-capability"
    shutil.copytree(built("notes"), project, ignore=shutil.ignore_patterns("src", "node_modules", ".holdfast-build.json"))
    manifest = json.loads((project / "manifest.json").read_text())
    (project / "manifest.json").write_text(json.dumps(manifest | {"name": "com.example.no-capability", "capabilities": []}))
    extension = guide.install(project)["registry_id"]
    clear(guide)
    with guide.platform.client() as client:
        assert client.post(f"/api/ext/{extension}/notes", content=b'{"data": "test"}').status_code == 500
    output = recorded(guide, until="call finished")
    assert "cap:storage.kv" in output
