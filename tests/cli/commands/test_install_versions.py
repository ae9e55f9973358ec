"""`holdfast install NAME@VERSION`: a published version, its rights, and enabling and disabling it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_runner import Done, json_result, write_extension

DATA = ("--data-dir", "data")
NAME = "Example.com.example.sample"
REQUESTED: dict[str, Any] = {"capabilities": ["cap:http.fetch", "cap:storage.kv"], "egress": ["a.example.com", "b.example.com"]}

Command = Callable[..., Done]


@pytest.fixture(autouse=True)
def published(command: Command, tmp_path: Path) -> None:
    """Version 1.0.0 is published and not installed."""
    done = command("publish", write_extension(tmp_path / "pages", **REQUESTED), *DATA)
    assert done.returncode == 0, done.stderr


def test_without_a_terminal_and_without_yes_the_rights_are_shown_and_denied(command: Command) -> None:
    rejected = command("install", f"{NAME}@1.0.0", "--json", *DATA)
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "consent_missing")
    assert "Sample 1.0.0 of Example requests" in rejected.stderr
    assert "cap:storage.kv  store its own records" in rejected.stderr and "a.example.com" in rejected.stderr
    assert json_result(command("list", "--json", *DATA)) == {"extensions": []}


def test_yes_grants_all_rights_that_are_shown(command: Command) -> None:
    done = command("install", f"{NAME}@1.0.0", "--yes", *DATA)
    assert done.returncode == 0 and "cap:http.fetch" in done.stderr
    assert "  granted    cap:http.fetch, cap:storage.kv" in done.stdout.splitlines()
    assert "  may call   a.example.com, b.example.com" in done.stdout.splitlines()


def test_granted_rights_can_be_narrowed(command: Command) -> None:
    result = json_result(command("install", NAME, "--yes", "--only", "cap:storage.kv", "--no-egress", "b.example.com", "--json", *DATA))
    assert (result["version"], result["granted"], result["egress"]) == ("1.0.0", ["cap:storage.kv"], ["a.example.com"])


def test_a_pattern_installs_the_newest_matching_version(command: Command, tmp_path: Path) -> None:
    command("publish", write_extension(tmp_path / "patch", version="1.0.7", **REQUESTED), *DATA)
    command("publish", write_extension(tmp_path / "major", version="2.0.0", **REQUESTED), *DATA)
    assert json_result(command("install", f"{NAME}@1.0.*", "--yes", "--json", *DATA))["version"] == "1.0.7"


@pytest.mark.parametrize(
    ("named", "code"),
    [
        (f"{NAME}@9.9.9", "version_not_found"),
        ("unknown.extension@1.0.0", "extension_not_found"),
        ("unknown.extension", "nothing_to_install"),
        ("@1.0.0", "reference_incomplete"),
    ],
)
def test_an_unpublished_extension_or_version_is_rejected_with_its_code(command: Command, named: str, code: str) -> None:
    rejected = command("install", named, "--yes", "--json", *DATA)
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, code)


def test_an_unknown_tenant_option_is_rejected(command: Command) -> None:
    unknown = command("install", NAME, "--yes", "--tenant", "no-tenant", "--json", *DATA)
    assert (unknown.returncode, json.loads(unknown.stdout)["error"]) == (1, "tenant_unknown")


def test_each_tenant_of_the_data_folder_has_its_own_installs(command: Command) -> None:
    tenant = json_result(command("tenants", "new", "Second", "--json", *DATA))["tenant"]["tenant_id"]
    command("install", NAME, "--yes", "--tenant", tenant, *DATA)
    assert json_result(command("list", "--json", *DATA)) == {"extensions": []}
    assert len(json_result(command("list", "--json", *DATA, ALGA_TENANT_ID=tenant))["extensions"]) == 1


def test_a_folder_gets_all_rights_that_its_manifest_requests(command: Command, tmp_path: Path) -> None:
    rejected = command("install", tmp_path / "pages", "--only", "cap:storage.kv", "--json", *DATA)
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "nothing_to_narrow")
    assert json_result(command("install", tmp_path / "pages", "--json", *DATA))["granted"] == REQUESTED["capabilities"]


def test_an_install_is_disabled_and_enabled(command: Command) -> None:
    command("install", NAME, "--yes", *DATA)
    assert command("disable", NAME, *DATA).stdout == f"{NAME} is disabled\n"
    assert json_result(command("list", "--json", *DATA))["extensions"][0]["is_enabled"] is False
    assert " disabled " in command("list", *DATA).stdout
    assert command("enable", NAME, *DATA).stdout == f"{NAME} is enabled\n"
    assert json_result(command("show", NAME, "--json", *DATA))["is_enabled"] is True


def test_show_prints_everything_about_an_install_except_values(command: Command, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    command("install", NAME, "--yes", "--only", "cap:storage.kv", *DATA)
    command("config", "set", NAME, "region=somewhere-private", *DATA)
    command("secrets", "set", NAME, "--from-file", "token=secret", *DATA)
    shown = command("show", NAME, *DATA).stdout
    for line in (
        "Sample 1.0.0",
        f"  name       {NAME}",
        "  state      enabled",
        "  signed by  unsigned",
        "  previous   no other version",
        "  granted    cap:storage.kv",
        "  withheld   cap:http.fetch",
        "  may call   a.example.com, b.example.com",
        "  settings   region",
        "  secrets    token",
        "  storage    0 records, 0 bytes",
    ):
        assert line in shown.splitlines(), shown
    assert "hunter2" not in shown and "somewhere-private" not in shown


def test_uninstalling_reports_how_long_its_storage_is_retained(command: Command) -> None:
    command("install", NAME, "--yes", *DATA)
    result = json_result(command("uninstall", NAME, "--json", *DATA))
    assert result["name"] == "com.example.sample" and result["storage_until"].startswith("2")
