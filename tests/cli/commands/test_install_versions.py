"""`holdfast install NAME@VERSION`: a published version, its rights, and enabling and disabling it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_runner import Done, told, write_extension

DATA = ("--data-dir", "data")
NAME = "Example.com.example.sample"
ASKS: dict[str, Any] = {"capabilities": ["cap:http.fetch", "cap:storage.kv"], "egress": ["a.example.com", "b.example.com"]}

Command = Callable[..., Done]


@pytest.fixture(autouse=True)
def published(command: Command, tmp_path: Path) -> None:
    """Version 1.0.0 is published, installed nowhere."""
    done = command("publish", write_extension(tmp_path / "pages", **ASKS), *DATA)
    assert done.returncode == 0, done.stderr


def test_without_a_terminal_and_without_yes_it_is_shown_and_refused(command: Command) -> None:
    refused = command("install", f"{NAME}@1.0.0", "--json", *DATA)
    assert (refused.returncode, json.loads(refused.stdout)["error"]) == (1, "consent_missing")
    assert "Sample 1.0.0 of Example requests" in refused.stderr
    assert "cap:storage.kv  store its own records" in refused.stderr and "a.example.com" in refused.stderr
    assert told(command("list", "--json", *DATA)) == {"extensions": []}


def test_with_yes_all_that_was_shown_is_granted(command: Command) -> None:
    done = command("install", f"{NAME}@1.0.0", "--yes", *DATA)
    assert done.returncode == 0 and "cap:http.fetch" in done.stderr
    assert "  granted    cap:http.fetch, cap:storage.kv" in done.stdout.splitlines()
    assert "  may call   a.example.com, b.example.com" in done.stdout.splitlines()


def test_what_is_granted_can_be_narrowed(command: Command) -> None:
    answer = told(command("install", NAME, "--yes", "--only", "cap:storage.kv", "--no-egress", "b.example.com", "--json", *DATA))
    assert (answer["version"], answer["granted"], answer["egress"]) == ("1.0.0", ["cap:storage.kv"], ["a.example.com"])


def test_a_pattern_installs_the_newest_that_fits(command: Command, tmp_path: Path) -> None:
    command("publish", write_extension(tmp_path / "patch", version="1.0.7", **ASKS), *DATA)
    command("publish", write_extension(tmp_path / "major", version="2.0.0", **ASKS), *DATA)
    assert told(command("install", f"{NAME}@1.0.*", "--yes", "--json", *DATA))["version"] == "1.0.7"


@pytest.mark.parametrize(
    ("named", "code"),
    [
        (f"{NAME}@9.9.9", "version_not_found"),
        ("nobody.knows@1.0.0", "extension_not_found"),
        ("nobody.knows", "nothing_to_install"),
        ("@1.0.0", "reference_incomplete"),
    ],
)
def test_what_is_not_published_is_named(command: Command, named: str, code: str) -> None:
    refused = command("install", named, "--yes", "--json", *DATA)
    assert (refused.returncode, json.loads(refused.stdout)["error"]) == (1, code)


def test_another_tenant_of_the_data_folder_is_named_with_an_option(command: Command) -> None:
    unknown = command("install", NAME, "--yes", "--tenant", "no-tenant", "--json", *DATA)
    assert (unknown.returncode, json.loads(unknown.stdout)["error"]) == (1, "tenant_unknown")


def test_each_tenant_of_the_data_folder_has_installs_of_its_own(command: Command) -> None:
    tenant = told(command("tenants", "new", "Second", "--json", *DATA))["tenant"]["tenant_id"]
    command("install", NAME, "--yes", "--tenant", tenant, *DATA)
    assert told(command("list", "--json", *DATA)) == {"extensions": []}
    assert len(told(command("list", "--json", *DATA, ALGA_TENANT_ID=tenant))["extensions"]) == 1


def test_an_own_folder_gets_what_its_manifest_asks_for(command: Command, tmp_path: Path) -> None:
    refused = command("install", tmp_path / "pages", "--only", "cap:storage.kv", "--json", *DATA)
    assert (refused.returncode, json.loads(refused.stdout)["error"]) == (1, "nothing_to_narrow")
    assert told(command("install", tmp_path / "pages", "--json", *DATA))["granted"] == ASKS["capabilities"]


def test_an_install_is_switched_off_and_on(command: Command) -> None:
    command("install", NAME, "--yes", *DATA)
    assert command("disable", NAME, *DATA).stdout == f"{NAME} is disabled\n"
    assert told(command("list", "--json", *DATA))["extensions"][0]["is_enabled"] is False
    assert " disabled " in command("list", *DATA).stdout
    assert command("enable", NAME, *DATA).stdout == f"{NAME} is enabled\n"
    assert told(command("show", NAME, "--json", *DATA))["is_enabled"] is True


def test_show_tells_everything_about_an_install_but_no_value(command: Command, tmp_path: Path) -> None:
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


def test_uninstalling_says_until_when_its_storage_is_kept(command: Command) -> None:
    command("install", NAME, "--yes", *DATA)
    answer = told(command("uninstall", NAME, "--json", *DATA))
    assert answer["name"] == "com.example.sample" and answer["storage_until"].startswith("2")
