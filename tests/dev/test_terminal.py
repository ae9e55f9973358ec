"""`holdfast dev` in a terminal: its keys, what it shows, and that the terminal is as before at its end."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cli.command_runner import COMMAND, clean_environment
from tests.dev.dev_process import DevProcess, save, write_page_extension
from tests.waiting import MAX_WAIT_SECONDS, wait_until


class Terminal:
    """`holdfast dev` with a terminal of its own, in whose foreground it runs."""

    def __init__(self, platform: DevProcess, *projects: Path) -> None:
        self._primary, secondary = pty.openpty()
        self.mode: list[Any] = termios.tcgetattr(secondary)
        self._secondary = secondary
        self.shown = ""

        def take_terminal() -> None:
            os.setsid()
            fcntl.ioctl(secondary, termios.TIOCSCTTY, 0)

        command = [*COMMAND, "dev", *map(str, projects), "--data-dir", str(platform.data_dir), "--no-open"]
        self.process = subprocess.Popen(
            command,
            stdin=secondary,
            stdout=secondary,
            stderr=secondary,
            env=clean_environment(TERM="xterm-256color"),
            preexec_fn=take_terminal,  # noqa: PLW1509 - the helper threads of these tests hold no lock that it needs
        )
        os.set_blocking(self._primary, False)

    def press(self, keys: str) -> None:
        os.write(self._primary, keys.encode())

    def read(self) -> str:
        try:
            while piece := os.read(self._primary, 65_536):
                self.shown += piece.decode(errors="replace")
        except OSError:
            pass  # nothing more now
        return self.shown

    def wait_for(self, text: str, *, after: int = 0) -> None:
        wait_until(lambda: text in self.read()[after:], lambda: self.shown)

    def current_mode(self) -> list[Any]:
        return termios.tcgetattr(self._secondary)

    def wait_for_end(self) -> int:
        # Read on: a process whose terminal is full would wait for its reader.
        wait_until(lambda: (self.read(), self.process.poll())[1] is not None, lambda: self.shown)
        return self.process.wait()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=MAX_WAIT_SECONDS)
        os.close(self._primary)
        os.close(self._secondary)


@pytest.fixture
def terminal(dev: DevProcess, tmp_path: Path) -> Iterator[Terminal]:
    started = Terminal(dev, write_page_extension(tmp_path / "shown", "shown"))
    yield started
    started.close()


def test_keys_rebuild_and_quit_and_the_terminal_is_as_before(terminal: Terminal, tmp_path: Path) -> None:
    terminal.wait_for("Watching for changes")
    assert not terminal.current_mode()[3] & termios.ICANON
    # Signals stay keys of the terminal.
    assert terminal.current_mode()[3] & termios.ISIG
    start = len(terminal.read())
    terminal.press("\x1b[A")  # an arrow is a sequence of several bytes, none of which is a key
    terminal.press("r")
    terminal.wait_for("unchanged", after=start)
    save(tmp_path / "shown" / "ui" / "style.css", "h1 { color: blue }")
    terminal.wait_for("ui/style.css changed", after=start)
    terminal.wait_for("live in", after=start)
    children = psutil.Process(terminal.process.pid).children(recursive=True)
    terminal.press("q")
    assert terminal.wait_for_end() == 0
    assert terminal.current_mode() == terminal.mode
    assert psutil.wait_procs(children, timeout=MAX_WAIT_SECONDS)[1] == []


def test_an_interrupt_stops_only_what_it_started(terminal: Terminal, dev: DevProcess) -> None:
    terminal.wait_for("Joined the platform at")
    terminal.wait_for("Watching for changes")
    terminal.press("\x03")
    assert terminal.wait_for_end() == 130
    assert terminal.current_mode() == terminal.mode
    assert dev.process.poll() is None
    with dev.client() as http:
        assert http.get("/api/health").status_code == 200


def test_an_extension_is_developed_once(dev: DevProcess) -> None:
    """A second `holdfast dev` of the same extension ends and says why."""
    again = Terminal(dev, dev.data_dir.parent / "pages")
    try:
        assert again.wait_for_end() == 1
        assert "Another `holdfast dev` builds Pages." in again.shown
        assert again.current_mode() == again.mode
    finally:
        again.close()


def test_several_extensions_have_prefixes(dev: DevProcess, tmp_path: Path) -> None:
    several = Terminal(dev, write_page_extension(tmp_path / "one", "one"), write_page_extension(tmp_path / "another", "another"))
    try:
        several.wait_for("Watching for changes")
        lines = [line for line in several.shown.splitlines() if "/msp/extensions/" in line]
        assert sorted(line.split("m")[3].split()[0].partition("\x1b")[0] for line in lines) == ["another", "one"]
        several.press("q")
        assert several.wait_for_end() == 0
    finally:
        several.close()
