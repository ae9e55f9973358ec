"""Commands in any folder work on the platform that runs, with its database and bundle store, and say so: all with real processes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.bundles.s3_server import make_bucket, s3_server
from tests.cli.command_runner import Done, Platform, run, write_extension
from tests.cli.test_imports import imported_by
from tests.records.postgres import PASSWORD, PostgresServer
from tests.waiting import MAX_WAIT_SECONDS, wait_until

NAME = "com.example.sample"
GATEWAY: dict[str, Any] = {"RUNNER_BASE_URL": "http://127.0.0.1:1", "RUNNER_SERVICE_TOKEN": "a-token-of-both"}
"""The tests install pages, for which the platform needs no runner."""


CommandIn = Callable[..., Done]
"""`command_in(folder, *arguments, **variables)`: one command in a folder, in this process: a start of Python for each would take long."""


@pytest.fixture
def command_in(command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch) -> CommandIn:
    def run_in(folder: Path, *arguments: str | Path, **variables: str) -> Done:
        monkeypatch.chdir(folder)
        return command(*arguments, **variables)

    return run_in


def platform_in(folder: Path, **variables: Any) -> Platform:
    folder.mkdir(parents=True, exist_ok=True)
    return Platform(folder, command="gateway", **GATEWAY, **variables)


def served_extensions(ready: dict[str, Any]) -> list[str]:
    """The names of the installs that the running platform reports, with the API key that it printed."""
    with httpx2.Client(base_url=ready["console"], trust_env=False, timeout=MAX_WAIT_SECONDS) as client:
        response = client.get("/api/v1/extensions", headers={"x-api-key": ready["api_key"]})
    assert response.status_code == 200, response.text
    return [one["name"] for one in response.json()["extensions"]]


def record_of_platforms() -> list[Path]:
    folder = Path(os.environ["XDG_STATE_HOME"]) / "holdfast" / "platforms"
    return list(folder.iterdir()) if folder.is_dir() else []


@pytest.mark.process
def test_a_command_in_an_extensions_folder_works_on_the_platform_that_runs_elsewhere(command_in: CommandIn, tmp_path: Path) -> None:
    extension = write_extension(tmp_path / "extension")
    with platform_in(tmp_path / "platform") as platform:
        ready = platform.ready()
        installed = run("install", ".", cwd=extension)
        assert installed.returncode == 0, installed.stderr
        assert f"Using the platform at {ready['console']} (data folder {platform.data_dir})" in installed.stderr
        assert f"page       {ready['console']}/msp/extensions/" in installed.stdout
        assert served_extensions(ready) == [NAME]
        # An install of what has not changed imports little more than `holdfast list`.
        _, modules = imported_by(extension, "install", ".", "--json")
        assert not modules & {"pydantic", "sqlalchemy", "alembic", "httpx2", "rich", "wasmtime", "holdfast.engine", "holdfast.gateway"}
        # A database and a store of the command's own are named, and not used. Its password is not shown.
        other = {"DATABASE_URL": f"sqlite:///{tmp_path / 'other.db'}", "BUNDLE_STORE_BASE": "s3://key:the-secret@other/bundles"}
        listed = command_in(extension / "ui", "list", "--json", **other)
        assert [one["name"] for one in json.loads(listed.stdout)["extensions"]] == [NAME]
        assert f"DATABASE_URL names sqlite:///{tmp_path / 'other.db'}, but the running platform uses" in listed.stderr
        assert "BUNDLE_STORE_BASE names" in listed.stderr and "the-secret" not in listed.stderr
        # Neither did a command in the platform's own folder touch its account.
        assert command_in(tmp_path, "list", "--data-dir", platform.data_dir, **other).returncode == 0
        assert command_in(extension, "config", "set", NAME, "region=eu").returncode == 0
        assert command_in(platform.data_dir.parent, "config", "get", NAME, "region").stdout == "eu\n"
        assert command_in(extension, "uninstall", NAME, **other).returncode == 0
        assert served_extensions(ready) == []
        assert not [*extension.rglob(".holdfast"), *extension.rglob("holdfast.db")]
        assert not (tmp_path / "other.db").exists()


@pytest.mark.process
@pytest.mark.postgres
def test_commands_without_its_variables_use_the_platforms_postgres_and_bucket(
    command_in: CommandIn, tmp_path: Path, postgres: PostgresServer
) -> None:
    extension = write_extension(tmp_path / "extension")
    (tmp_path / "s3").mkdir()
    with s3_server(tmp_path / "s3") as origin, postgres.empty() as url:
        bucket = make_bucket(origin, "extensions")
        keys = {"S3_ACCESS_KEY": "minioadmin", "S3_SECRET_KEY": "minioadmin", "S3_REGION": "us-east-1"}
        address = url.replace("postgresql+psycopg", "postgres")
        with platform_in(tmp_path / "platform", DATABASE_URL=address, BUNDLE_STORE_BASE=bucket, **keys) as platform:
            ready = platform.ready()
            for folder in (extension, platform.data_dir.parent, tmp_path):
                done = command_in(folder, "install", extension, "--json")
                assert done.returncode == 0, done.stderr
                assert PASSWORD not in done.stderr
            assert command_in(tmp_path, "list", "--data-dir", platform.data_dir).returncode == 0
            # The key that the platform printed still works, and the install is where it looks for it.
            assert served_extensions(ready) == [NAME]
            digest = json.loads(done.stdout)["content_hash"].removeprefix("sha256:")
            assert postgres.psql(url, "SELECT count(*) FROM tenant_extension_install") == "1"
            assert digest in httpx2.get(bucket, trust_env=False).text
        # Stopped, a command without DATABASE_URL has a database of its own, and leaves the account of the other alone.
        before = (platform.data_dir / "credentials.json").read_bytes()
        assert command_in(tmp_path, "list", "--data-dir", platform.data_dir).returncode == 0
        assert (platform.data_dir / "credentials.json").read_bytes() == before
        with platform_in(tmp_path / "platform", DATABASE_URL=address, BUNDLE_STORE_BASE=bucket, **keys) as again:
            restarted = again.ready()
            assert restarted["api_key"] == ready["api_key"]
            assert served_extensions(restarted) == [NAME]
    assert not (platform.data_dir / "bundles").exists()


@pytest.mark.process
def test_of_two_platforms_the_nearest_is_used_and_a_killed_one_is_forgotten(command_in: CommandIn, tmp_path: Path) -> None:
    outside = write_extension(tmp_path / "extension")
    with platform_in(tmp_path / "one") as one, platform_in(tmp_path / "two") as two:
        consoles = {one.data_dir: one.ready()["console"], two.data_dir: two.ready()["console"]}
        for platform in (one, two):
            near = command_in(platform.data_dir.parent, "list")
            assert f"Using the platform at {consoles[platform.data_dir]}" in near.stderr
            assert "at or above the current folder" in near.stderr
        several = command_in(outside, "list")
        assert "started last. Others run on" in several.stderr and "--data-dir" in several.stderr
        assert len(record_of_platforms()) == 2
        for platform in (one, two):
            platform.process.kill()
            platform.process.wait(timeout=MAX_WAIT_SECONDS)
    nothing = command_in(outside, "list")
    assert nothing.returncode == 1
    assert "No platform is running" in nothing.stderr and "`holdfast up`" in nothing.stderr
    assert record_of_platforms() == []
    rejected = command_in(outside, "install", ".", "--json")
    assert json.loads(rejected.stdout)["error"] == "not_running"
    assert not list(outside.rglob(".holdfast"))


@pytest.mark.process
def test_a_platform_starts_where_the_record_cannot_be_written(command_in: CommandIn, tmp_path: Path) -> None:
    with platform_in(tmp_path / "platform", XDG_STATE_HOME="/dev/null/state") as platform:
        ready = platform.ready()
        wait_until(lambda: "not in your record of running platforms" in platform.stderr_text(), platform.stderr_text)
        found = command_in(tmp_path / "platform", "list", XDG_STATE_HOME="/dev/null/state")
        assert found.returncode == 1
        named = command_in(tmp_path, "list", "--data-dir", platform.data_dir, XDG_STATE_HOME="/dev/null/state")
        assert named.returncode == 0, named.stderr
        assert served_extensions(ready) == []


def test_listing_tenants_creates_no_account_in_production(command_in: CommandIn, tmp_path: Path) -> None:
    listed = command_in(tmp_path, "tenants", "list", "--json", "--data-dir", tmp_path / "data", HOLDFAST_ENVIRONMENT="production")
    assert (listed.returncode, json.loads(listed.stdout)) == (0, {"tenants": []}), listed.stderr
    assert not (tmp_path / "data" / "credentials.json").exists()
