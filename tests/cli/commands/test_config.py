"""`holdfast config`: the settings of an install, one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_runner import Done, write_extension

DATA = ("--data-dir", "data")
NAME = "com.example.sample"

Command = Callable[..., Done]


@pytest.fixture(autouse=True)
def installed(command: Command, tmp_path: Path) -> None:
    assert command("install", write_extension(tmp_path / "pages"), *DATA).returncode == 0


def settings(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["config"]


def test_values_that_are_json_are_stored_as_json_and_others_as_text(command: Command) -> None:
    done = command(
        "config", "set", NAME, "limit=3", "on=true", "list=[1,2]", "name=Ada Lovelace", "empty=", "url=https://a?b=c", "--json", *DATA
    )
    assert settings(done) == {"limit": 3, "on": True, "list": [1, 2], "name": "Ada Lovelace", "empty": "", "url": "https://a?b=c"}
    assert settings(command("config", "set", NAME, "limit=3", "--text", "--json", *DATA))["limit"] == "3"


def test_single_settings_change_and_the_others_stay(command: Command) -> None:
    command("config", "set", NAME, "a=1", "b=two", *DATA)
    assert settings(command("config", "set", NAME, "a=2", "--json", *DATA)) == {"a": 2, "b": "two"}
    assert settings(command("config", "unset", NAME, "a", "--json", *DATA)) == {"b": "two"}
    assert command("config", "get", NAME, *DATA).stdout == "b=two\n"
    assert command("config", "get", NAME, "b", *DATA).stdout == "two\n"


def test_settings_are_shown_as_they_are_set(command: Command) -> None:
    assert command("config", "set", NAME, "b=[1, 2]", "a=text", *DATA).stdout == "a=text\nb=[1,2]\n"


@pytest.mark.parametrize(
    "arguments",
    [("set", NAME), ("set", NAME, "no equals"), ("set", NAME, "=value"), ("unset", NAME), ("get", NAME, "unknown")],
)
def test_a_malformed_setting_is_rejected(command: Command, arguments: tuple[str, ...]) -> None:
    rejected = command("config", *arguments, "--json", *DATA)
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "setting_malformed")
