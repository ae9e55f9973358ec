"""`holdfast grants`: the rights of an install, changed one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command_runner import Done, write_extension

DATA = ("--data-dir", "data")
NAME = "com.example.sample"

Command = Callable[..., Done]


@pytest.fixture(autouse=True)
def installed(command: Command, tmp_path: Path) -> None:
    """An extension that requests two capabilities and a host, and has them."""
    project = write_extension(tmp_path / "pages", capabilities=["cap:http.fetch", "cap:storage.kv"], egress=["api.example.com"])
    assert command("publish", project, "--install", *DATA).returncode == 0


def states(printed: str) -> dict[str, str]:
    rows = [line.split(maxsplit=2) for line in printed.splitlines()[1:]]
    return {name: state.strip() for _, name, state in rows}


def test_grants_list_shows_requested_and_granted_rights(command: Command) -> None:
    done = command("grants", "list", NAME, *DATA)
    assert states(done.stdout) == {"cap:http.fetch": "granted", "cap:storage.kv": "granted", "api.example.com": "granted"}
    result = json.loads(command("grants", "list", NAME, "--json", *DATA).stdout)
    assert list(result) == ["asked", "granted", "asked_egress", "granted_egress", "pending"]


def test_rights_are_revoked_and_granted_one_by_one(command: Command) -> None:
    revoked = command("grants", "revoke", NAME, "cap:http.fetch", "--egress", "api.example.com", *DATA)
    assert states(revoked.stdout) == {"cap:http.fetch": "not granted", "cap:storage.kv": "granted", "api.example.com": "not granted"}
    given = command("grants", "grant", NAME, "cap:http.fetch", *DATA)
    assert states(given.stdout) == {"cap:http.fetch": "granted", "cap:storage.kv": "granted", "api.example.com": "not granted"}


def test_rights_that_are_not_requested_cannot_be_granted(command: Command) -> None:
    rejected = command("grants", "grant", NAME, "cap:client.read", "--json", *DATA)
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "unknown_capability")


def test_an_extension_that_requests_nothing_is_reported_as_such(command: Command, tmp_path: Path) -> None:
    command("install", write_extension(tmp_path / "quiet", name="com.example.quiet"), *DATA)
    assert command("grants", "list", "com.example.quiet", *DATA).stdout == "It requests no rights beyond those of every extension.\n"
