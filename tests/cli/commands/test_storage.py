"""`holdfast storage`: records and schemas of an install, on a data folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command_runner import Done, write_extension

Command = Callable[..., Done]
DATA = ("--data-dir", "data")
NAME = "Example.com.example.sample"


@pytest.fixture
def installed(command: Command, tmp_path: Path) -> str:
    assert command("install", write_extension(tmp_path / "sample"), "--json", *DATA).returncode == 0
    return NAME


def test_records_are_stored_listed_read_and_deleted(command: Command, installed: str) -> None:
    for key, value in (("b", '{"a": [1]}'), ("a", "plain words"), ("c", "12")):
        assert command("storage", "put", installed, "n", key, value, *DATA).returncode == 0
    assert command("storage", "put", installed, "n", "c", "12", "--text", *DATA).stderr.endswith("Stored c in n, revision 2.\n")
    listed = [line.split() for line in command("storage", "list", installed, "n", *DATA).stdout.splitlines()]
    assert [row[:2] for row in listed] == [["KEY", "REVISION"], ["a", "1"], ["b", "1"], ["c", "2"]]
    assert command("storage", "get", installed, "n", "a", *DATA).stdout == "plain words\n"
    assert command("storage", "get", installed, "n", "b", *DATA).stdout == '{"a":[1]}\n'
    assert json.loads(command("storage", "get", installed, "n", "c", "--json", *DATA).stdout)["record"]["value"] == "12"
    conflict = command("storage", "put", installed, "n", "a", "x", "--if-revision", "0", "--json", *DATA)
    assert (conflict.returncode, json.loads(conflict.stdout)["error"]) == (1, "REVISION_MISMATCH")
    usage = json.loads(command("storage", "usage", installed, "--json", *DATA).stdout)
    assert (usage["records"], usage["limit"]) == (3, 268_435_456)
    assert command("storage", "delete", installed, "n", "a", *DATA).returncode == 0
    only = json.loads(command("storage", "list", installed, "n", "--prefix", "b", "--json", *DATA).stdout)["records"]
    assert [record["key"] for record in only] == ["b"]


def test_a_schema_is_registered_activated_and_obeyed(command: Command, installed: str, tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "number"}')
    given = command("storage", "schemas", "register", installed, "n", "1", str(schema), *DATA)
    assert given.stderr.endswith("Version 1 of the schema of n is draft.\n")
    assert command("storage", "schemas", "activate", installed, "n", "1", *DATA).returncode == 0
    refused = command("storage", "put", installed, "n", "k", "words", *DATA)
    assert refused.returncode == 1
    assert "The value of 'k' does not satisfy version 1 of the schema of 'n'" in refused.stderr
    rows = command("storage", "schemas", "list", installed, *DATA).stdout.splitlines()
    assert [line.split()[:3] for line in rows] == [["NAMESPACE", "VERSION", "STATUS"], ["n", "1", "active"]]
    assert command("storage", "schemas", "deprecate", installed, "n", "1", *DATA).returncode == 0
    assert command("storage", "put", installed, "n", "k", "words", *DATA).returncode == 0
    schema.write_text("[]")
    unreadable = command("storage", "schemas", "register", installed, "n", "2", str(schema), *DATA)
    assert "is not a JSON object" in unreadable.stderr
