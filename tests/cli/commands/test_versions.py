"""`holdfast versions` and `holdfast yank`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command_runner import Done, write_extension

DATA = ("--data-dir", "data")
NAME = "Example.com.example.sample"

Command = Callable[..., Done]


@pytest.fixture(autouse=True)
def published(command: Command, tmp_path: Path) -> None:
    for version in ("1.0.0", "1.1.0"):
        assert command("publish", write_extension(tmp_path / version, version=version), *DATA).returncode == 0


def rows(done: Done) -> list[list[str]]:
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()[1:]]


def test_versions_are_listed_newest_first_with_the_installed_and_yanked_ones(command: Command) -> None:
    assert [row[0] for row in rows(command("versions", NAME, *DATA))] == ["1.1.0", "1.0.0"]
    command("install", f"{NAME}@1.0.0", *DATA)
    command("yank", f"{NAME}@1.1.0", "--reason", "it loses notes", *DATA)
    newest, older = command("versions", NAME, *DATA).stdout.splitlines()[1:]
    assert newest.rstrip().endswith("yanked: it loses notes") and older.rstrip().endswith("installed")
    result = json.loads(command("versions", NAME, "--json", *DATA).stdout)["versions"]
    assert [(one["version"], one["installed"], one["yanked"], one["yanked_reason"]) for one in result] == [
        ("1.1.0", False, True, "it loses notes"),
        ("1.0.0", True, False, None),
    ]


def test_a_version_that_only_the_tenant_can_see_is_marked_private(command: Command, tmp_path: Path) -> None:
    assert command("install", write_extension(tmp_path / "private", version="2.0.0"), *DATA).returncode == 0
    lines = command("versions", NAME, *DATA).stdout.splitlines()[1:]
    assert lines[0].startswith("2.0.0") and lines[0].rstrip().endswith("installed, private")
    assert not any("private" in line for line in lines[1:])


def test_a_yanked_version_is_not_installed_until_the_yank_is_undone(command: Command) -> None:
    assert command("yank", f"{NAME}@1.1.0", *DATA).stdout == f"{NAME} 1.1.0 is yanked; existing installs are unaffected\n"
    rejected = command("install", f"{NAME}@1.1.0", "--json", *DATA)
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "version_yanked")
    assert "Installed Sample 1.0.0" in command("install", NAME, *DATA).stdout
    assert command("yank", f"{NAME}@1.1.0", "--undo", *DATA).stdout == f"{NAME} 1.1.0 is available for new installs again\n"
    assert "Installed Sample 1.1.0" in command("install", f"{NAME}@1.1.0", *DATA).stdout


def test_a_version_must_be_named_to_be_yanked(command: Command) -> None:
    rejected = command("yank", NAME, "--json", *DATA)
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "reference_incomplete")
