"""`holdfast invoke` against a running platform, and its error without one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.command_runner import Done, Platform, run

FAULTY = "com.alga.test.faulty"


def test_invoke_without_a_platform_prints_how_to_start_one(tmp_path: Path) -> None:
    rejected = run("invoke", "com.example.sample", "GET", "/ping", "--data-dir", tmp_path / "data", cwd=tmp_path)
    assert rejected.returncode == 1
    assert rejected.stdout == ""
    assert rejected.stderr == f"No platform is running on the data folder {tmp_path / 'data'}. Start it with: holdfast up\n"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, built: Callable[[str], Path]) -> Iterator[Platform]:
    """A platform with the extension `faulty`, whose calls end after four seconds; most take milliseconds."""
    with Platform(tmp_path_factory.mktemp("running"), built("faulty"), EXT_GATEWAY_TIMEOUT_MS="4000") as platform:
        platform.ready()
        yield platform


def test_invoke_prints_status_headers_and_body_of_an_extension_installed_after_the_start(
    running: Platform, tmp_path: Path, extension: Path
) -> None:
    data = ("--data-dir", running.data_dir)
    unknown = run("invoke", "com.example.sample", "GET", "/ping", "--json", *data, cwd=tmp_path)
    assert unknown.returncode == 1
    assert json.loads(unknown.stdout)["status"] == 404
    installed = json.loads(run("install", extension, "--json", *data, cwd=tmp_path).stdout)
    assert installed["url"] == f"{running.console}/msp/extensions/{installed['registry_id']}/"
    called = run("invoke", "com.example.sample", "GET", "/ping", *data, cwd=tmp_path)
    head, _, body = called.stdout.partition("\n\n")
    assert (called.returncode, head.splitlines()[0], body) == (0, "200 OK", "ok\n")
    assert "content-length: 2" in head.splitlines()
    result = json.loads(run("invoke", installed["registry_id"], "get", "ping", "--json", *data, cwd=tmp_path).stdout)
    assert (result["status"], result["body"]) == (200, "ok")
    assert result["headers"]["x-request-id"]


def test_invoke_ends_with_1_when_the_call_failed_and_shows_its_log_lines(
    running: Platform, tmp_path: Path, command: Callable[..., Done]
) -> None:
    def invoke(*arguments: str) -> Done:
        return command("invoke", FAULTY, *arguments, "--data-dir", running.data_dir)

    logged = invoke("/logs", "-v")
    assert logged.returncode == 0
    assert [line.split("  ")[2].strip() for line in logged.stderr.splitlines() if "  line " in line] == [
        f'line {number} {{"line":{number}}}' for number in range(1, 6)
    ]
    assert "call started: GET /logs" in logged.stderr and "call finished: status 200" in logged.stderr
    thrown = invoke("/throw", "--verbose")
    assert (thrown.returncode, thrown.stdout.splitlines()[0]) == (1, "500 Internal Server Error")
    assert "Error: this handler always fails" in thrown.stderr and "at fail (src/handler.ts:4)" in thrown.stderr
    assert thrown.stderr.count("this handler always fails") == 1
    body = invoke("/ok", "-X", "GET", "--body")
    assert (body.returncode, body.stdout) == (0, '{"ok":true}\n')
    for arguments, status in (
        (("/ok", "-H", "x-api-key: wrong"), "401 Unauthorized"),
        (("/missing",), "404 Not Found"),
        (("/ok", "-d", "{}"), "404 Not Found"),
        (("/loop",), "504 Gateway Timeout"),
    ):
        failed = invoke(*arguments)
        assert (failed.returncode, failed.stdout.splitlines()[0]) == (1, status)
    (tmp_path / "body.json").write_text('{"a":1}')
    assert invoke("/ok", "-d", f"@{tmp_path / 'body.json'}").stdout.startswith("404 ")
    for malformed in (("/ok", "-d", "@/nowhere"), ("GET", "/ok", "-X", "POST"), ("/ok", "-H", "nonsense")):
        refused = invoke(*malformed)
        assert (refused.returncode, refused.stdout) == (1, "") and refused.stderr
