"""The tutorial, done step by step as it is written: its files, its commands, and the output that it promises."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command_runner import clean_environment
from tests.e2e.running_platform import RunningPlatform
from tests.waiting import MAX_WAIT_SECONDS

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial" / "your-first-extension.md").read_text()
BLOCKS = re.findall(r"```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)```", PAGE, re.S)
STARTING = ("holdfast up", "export KEY=")
"""The two blocks that start the platform and set up a terminal: the fixture has done both."""


@pytest.fixture
def environment(platform: RunningPlatform, tmp_path: Path) -> dict[str, str]:
    """The second terminal of the tutorial: the command on PATH, the key, and the data folder of the running platform."""
    programs = tmp_path / "bin"
    programs.mkdir()
    command = programs / "holdfast"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m holdfast.cli "$@"\n')
    command.chmod(0o755)
    own = clean_environment(KEY=platform.api_key, HOLDFAST_DATA_DIR=str(platform.data_dir), **platform.variables)
    own = {name: value for name, value in own.items() if not name.lower().endswith("_proxy")}
    return own | {"PATH": f"{programs}:{own['PATH']}"}


def steps() -> Iterator[tuple[str, str, str]]:
    """The blocks that a reader acts on after the start: files to write, commands to run, output to compare."""
    return ((kind, title, text) for kind, title, text in BLOCKS if not any(start in text for start in STARTING))


def test_every_step_of_the_tutorial_gives_what_the_page_shows(
    platform: RunningPlatform, environment: dict[str, str], tmp_path: Path
) -> None:
    output = ""
    for kind, title, text in steps():
        if title:
            (tmp_path / title).write_text(text)
        elif kind == "sh":
            commands = "set -euo pipefail\n" + text.replace("http://localhost:3000", platform.console)
            ran = subprocess.run(
                ["bash", "-c", commands],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=MAX_WAIT_SECONDS,
                check=False,
            )
            output = ran.stdout
            # A call that fails ends with 1; the page shows its status.
            expected = 1 if re.search(r"^[45]\d\d [A-Z]", output, re.M) else 0
            assert ran.returncode == expected, f"{text}\n{ran.stdout}{ran.stderr}"
        else:
            assert kind == "text"
            assert re.search(".*".join(map(re.escape, text.strip().split("…"))), output, re.S), output


def test_the_tutorial_has_files_commands_and_output() -> None:
    assert {kind for kind, _, _ in steps()} == {"sh", "json", "ts", "html", "text"}
