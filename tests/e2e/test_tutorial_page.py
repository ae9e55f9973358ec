"""The tutorial, done step by step as it is written: its files, its commands in two terminals, and the output that it promises."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.command_runner import clean_environment
from tests.waiting import MAX_WAIT_SECONDS, wait_until

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial" / "your-first-extension.md").read_text()
BLOCKS = re.findall(r"```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)```", PAGE, re.S)
DEVELOPING = "cd greeter\nholdfast dev\n"
"""The block of the first terminal; all later ones are of the second terminal, in the folder of the project."""

BROKEN, THROWING, REMOVING = "const broken", "Bob is not here", "holdfast uninstall"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The command on PATH, and a user who has nothing of Holdfast yet except the installed toolchain."""
    programs = tmp_path / "bin"
    programs.mkdir()
    command = programs / "holdfast"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m holdfast.cli "$@"\n')
    command.chmod(0o755)
    own = {name: value for name, value in clean_environment().items() if not name.lower().endswith("_proxy")}
    return own | {"PATH": f"{programs}:{own['PATH']}", "TMPDIR": str(tmp_path)}


@contextmanager
def developing(project: Path, environment: dict[str, str], log: Path) -> Iterator[Callable[[], str]]:
    """The first terminal: `holdfast dev` on ports of its own. Gives what it has printed. The end is Ctrl-C."""
    command = ["holdfast", "dev", "--no-open", "--port", "0", "--runner-port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=project, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield log.read_text
        process.send_signal(signal.SIGINT)
        process.wait(timeout=MAX_WAIT_SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def run(commands: str, folder: Path, environment: dict[str, str], *, fails: bool) -> str:
    """The output of a block of the second terminal."""
    command = ["bash", "-c", f"set -euo pipefail\n{commands}"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False)
    assert (done.returncode != 0) == fails, f"{commands}\n{done.stdout}{done.stderr}"
    return done.stdout


def outcomes(screen: str) -> int:
    """How many builds have ended: installed, or failed."""
    return len(re.findall(r"installed [\d,]+ ms|build failed", screen))


def test_every_step_of_the_tutorial_gives_what_the_page_shows(environment: dict[str, str], tmp_path: Path) -> None:
    texts = [text for _, _, text in BLOCKS]
    start = texts.index(DEVELOPING)
    (creating, created) = texts[1:start]
    assert created in run(creating, tmp_path, environment, fails=False)
    project = tmp_path / "greeter"
    removing = next(position for position, text in enumerate(texts) if text.startswith(REMOVING))
    log = tmp_path / "dev.log"
    with developing(project, environment, log) as screen:
        wait_until(lambda: outcomes(screen()) == 1, screen)
        follow(BLOCKS[start + 1 : removing], project, environment, screen)
        wait_until(lambda: "src/handler.ts:5" in screen(), screen)
    assert "Visit counted" in log.read_text()
    assert re.search(r"src/handler\.ts:\d+:\d+: .*\n(.*\n)*.*const broken = \(\(;", log.read_text())
    run(texts[removing], project, environment, fails=False)


def follow(steps: list[tuple[str, str, str]], project: Path, environment: dict[str, str], screen: Callable[[], str]) -> None:
    """The steps of the second terminal: files to write, commands to run, output to compare. Waits for `holdfast dev` after a save."""
    output = ""
    for position, (kind, title, text) in enumerate(steps):
        before = outcomes(screen())
        if title:
            (project / title).write_text(text)
        elif kind == "sh":
            expected = steps[position + 1][2] if position + 1 < len(steps) else ""
            output = run(text, project, environment, fails=expected.startswith('{"error"'))
        else:
            assert kind == "text"
            assert text.strip() in output, screen()
        if (title and not title.startswith("tests/")) or text.startswith("echo "):
            wait_until(lambda before=before: outcomes(screen()) > before, screen)  # type: ignore[misc]


def test_the_tutorial_has_files_commands_and_output() -> None:
    assert {kind for kind, _, _ in BLOCKS} == {"sh", "json", "ts", "text"}
    assert any(BROKEN in text for _, _, text in BLOCKS) and any(THROWING in text for _, _, text in BLOCKS)
