"""The settings of a runner (`holdfast runner --print-config`), and the messages about invalid and misspelt variables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from holdfast.settings import Settings
from tests.cli.command_runner import run

SECRET = "hunter2-and-more"


def printed(folder: Path, *arguments: str, **variables: str) -> dict[str, dict[str, Any]]:
    done = run("runner", "--print-config", "--json", *arguments, cwd=folder, **variables)
    assert done.returncode == 0, done.stderr
    return {row["name"]: row for row in json.loads(done.stdout)}


def test_every_setting_is_shown_with_its_value_and_its_source(tmp_path: Path) -> None:
    (tmp_path / ".env.runner").write_text("RUNNER_EXT_CACHE_MAX_BYTES=1000000\nEXT_EGRESS_ALLOWLIST=from.the.file\nEXT_CACHE_ROOT=\n")
    rows = printed(tmp_path, "--port", "0", RUNNER_EXT_EGRESS_ALLOWLIST="from.the.environment", RUST_LOG="warn,ext=debug")
    assert set(rows) == set(Settings.fields)

    def shown(name: str) -> tuple[Any, str, str]:
        return rows[name]["value"], rows[name]["variable"], rows[name]["source"]

    assert shown("cache_max_bytes") == (1_000_000, "RUNNER_EXT_CACHE_MAX_BYTES", ".env.runner")
    # The environment wins over the file, also under its second name.
    assert shown("egress_allowlist") == ("from.the.environment", "RUNNER_EXT_EGRESS_ALLOWLIST", "environment")
    assert shown("runner_port") == (0, "RUNNER_PORT", "command line")
    assert shown("cache_root") == (None, "EXT_CACHE_ROOT", "default")
    assert shown("log_level") == ("warning", "RUST_LOG", "environment")
    assert shown("call_timeout_ms") == (5_000, "HOLDFAST_CALL_TIMEOUT_MS", "default")


def test_the_shown_value_is_the_one_in_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env.runner").write_text("EXT_EGRESS_ALLOWLIST=from.the.file\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNNER_EXT_EGRESS_ALLOWLIST", "from.the.environment")
    assert Settings().egress_allowlist == "from.the.environment"


def test_secrets_and_passwords_within_addresses_are_masked(tmp_path: Path) -> None:
    secrets = dict.fromkeys(
        (
            "RUNNER_SERVICE_TOKEN",
            "RUNNER_STORAGE_API_TOKEN",
            "ALGA_AUTH_KEY",
            "S3_ACCESS_KEY",
            "MINIO_SECRET_KEY",
            "UI_PROXY_AUTH_KEY",
            "RUNNER_DEBUG_REDIS_PASSWORD",
        ),
        SECRET,
    )
    addresses = {
        "RUNNER_DEBUG_REDIS_URL": f"redis://user:{SECRET}@localhost:6379",
        "DATABASE_URL": f"postgresql+psycopg://user:{SECRET}@db/holdfast",
        "REGISTRY_BASE_URL": f"http://user:{SECRET}@localhost:3000",
        "BUNDLE_STORE_BASE": f"https://user:a@{SECRET}@store/bucket",
    }
    for arguments in (["--json"], []):
        done = run("runner", "--print-config", *arguments, cwd=tmp_path, **secrets, **addresses)
        assert done.returncode == 0, done.stderr
        assert SECRET not in done.stdout + done.stderr
        for variable in (*secrets, *addresses):
            assert variable in done.stdout


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("RUNNER_PORT", "70000", "an integer from 0 to 65535"),
        ("RUNNER_DOCKER_PORT", "abc", "must be an integer"),
        ("RUNNER_EXT_CACHE_MAX_BYTES", "much", "must be an integer"),
        ("EXT_STATIC_MAX_FILE_BYTES", "not-a-number", "must be an integer"),
        ("EXT_STATIC_STRICT_VALIDATION", "perhaps", "must be `true` or `false`"),
        ("RUNNER_REGISTRY_BASE_URL", "localhost:3000", "http:// or https:// address"),
        ("UI_PROXY_BASE_URL", "http://", "http:// or https:// address"),
        ("VAULT_ADDR", "vault", "http:// or https:// address"),
    ],
)
def test_an_invalid_value_is_one_line_that_names_the_variable(tmp_path: Path, variable: str, value: str, says: str) -> None:
    rejected = run("runner", "--print-config", cwd=tmp_path, **{variable: value})
    assert rejected.returncode == 1
    (sentence,) = rejected.stderr.splitlines()
    assert sentence.startswith(f"{variable}={value!r} (environment) is invalid: ") and says in sentence


def test_a_value_of_the_file_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / ".env.runner").write_text("RUNNER_WORKERS=none\n")
    rejected = run("runner", cwd=tmp_path)
    assert rejected.stderr.startswith("RUNNER_WORKERS='none' (.env.runner) is invalid")


def test_a_runner_alone_uses_the_variable_port_when_runner_port_is_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings().resolved_runner_port == 8085
    monkeypatch.setenv("PORT", "8080")
    assert Settings().resolved_runner_port == 8080
    monkeypatch.setenv("RUNNER_DOCKER_PORT", "9085")
    assert Settings().resolved_runner_port == 9085


def test_the_backend_chooses_between_the_two_addresses_of_the_runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings().resolved_runner_base_url is None
    monkeypatch.setenv("RUNNER_BASE_URL", "http://runner:8080")
    assert Settings().resolved_runner_base_url == "http://runner:8080"
    monkeypatch.setenv("RUNNER_DOCKER_HOST", "http://localhost:8085")
    assert Settings().resolved_runner_base_url == "http://runner:8080"
    monkeypatch.setenv("RUNNER_BACKEND", "docker")
    assert Settings().resolved_runner_base_url == "http://localhost:8085"


def test_a_misspelt_variable_is_logged_once_with_the_likely_right_one(tmp_path: Path) -> None:
    ended = run("runner", cwd=tmp_path, RUNNER_SERVICE_TOKN="secret", HOLDFAST_LOG_FORMAT="json")
    lines = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
    (warning,) = [line for line in lines if line["event"] == "unknown setting ignored"]
    assert (warning["variable"], warning["source"]) == ("RUNNER_SERVICE_TOKN", "environment")
    assert warning["did_you_mean"] == "RUNNER_SERVICE_TOKEN" and "secret" not in ended.stderr
