"""`holdfast install` and `holdfast show` name required settings and secrets that are not set, and the commands that set them."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from tests.cli.command_runner import Done, write_extension

DATA = ("--data-dir", "data")
NAME = "com.example.sample"
SETTINGS = [
    {"key": "region", "required": True},
    {"key": "limit", "type": "number", "required": True},
    {"key": "color", "required": True, "default": "blue"},
    {"key": "API_KEY", "type": "secret", "required": True},
]


def commands_in(done: Done) -> list[list[str]]:
    """The commands that a person copies from the notes."""
    return [shlex.split(line)[1:] for line in re.findall(r"Set them with: (.*)", done.stderr)]


def test_the_commands_that_are_shown_set_what_is_missing(
    command: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_extension(tmp_path / "sample", settings=SETTINGS, capabilities=["cap:secrets.get"])
    installed = command("install", folder, *DATA)
    assert installed.returncode == 0
    assert "Required settings are not set: limit, region." in installed.stderr
    assert "Required secrets are not set: API_KEY." in installed.stderr
    shown = command("show", NAME, *DATA)
    assert commands_in(shown) == commands_in(installed)
    assert json.loads(command("show", NAME, "--json", *DATA).stdout)["unset"] == {"settings": ["limit", "region"], "secrets": ["API_KEY"]}
    settings, secrets = commands_in(shown)
    values = [argument.replace("limit=VALUE", "limit=3").replace("region=VALUE", "region=eu") for argument in settings]
    assert command(*values, *DATA).returncode == 0
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"a-secret-value")))
    assert command(*[f"{argument}=-" if argument == "API_KEY" else argument for argument in secrets], *DATA).returncode == 0
    assert commands_in(command("show", NAME, *DATA)) == []
    again = json.loads(command("install", folder, "--json", *DATA).stdout)
    assert again["unset"] == {"settings": [], "secrets": []}
