"""`holdfast invoke` against a running platform, and its error without one."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.command_runner import Platform, run


def test_invoke_without_a_platform_prints_how_to_start_one(tmp_path: Path) -> None:
    rejected = run("invoke", "com.example.sample", "GET", "/ping", "--data-dir", tmp_path / "data", cwd=tmp_path)
    assert rejected.returncode == 1
    assert rejected.stdout == ""
    assert rejected.stderr == f"No platform is running on the data folder {tmp_path / 'data'}. Start it with: holdfast up\n"


def test_invoke_prints_status_and_body_of_an_extension_installed_after_the_start(tmp_path: Path, extension: Path) -> None:
    with Platform(tmp_path) as platform:
        ready = platform.ready()
        data = ("--data-dir", platform.data_dir)
        unknown = run("invoke", "com.example.sample", "GET", "/ping", "--json", *data, cwd=tmp_path)
        assert unknown.returncode == 0
        assert json.loads(unknown.stdout)["status"] == 404
        installed = json.loads(run("install", extension, "--json", *data, cwd=tmp_path).stdout)
        assert installed["url"] == f"{ready['console']}/msp/extensions/{installed['registry_id']}/"
        called = run("invoke", "com.example.sample", "GET", "/ping", *data, cwd=tmp_path)
        assert (called.returncode, called.stdout) == (0, "200 OK\nok\n")
        result = json.loads(run("invoke", installed["registry_id"], "get", "ping", "--json", *data, cwd=tmp_path).stdout)
        assert (result["status"], result["body"]) == (200, "ok")
        assert result["headers"]["x-request-id"]
