"""`holdfast dev` in a terminal: its keys, what it shows, and that the terminal is as before at its end."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser
from rich.console import Console
from rich.text import Text

from tests.cli.command_runner import COMMAND, clean_environment
from tests.dev.dev_process import DevProcess, number_source, save, write_handler_extension, write_page_extension
from tests.waiting import MAX_WAIT_SECONDS, wait_until

SCREENSHOTS = os.environ.get("HOLDFAST_SCREENSHOTS")


class Terminal:
    """`holdfast dev` with a terminal of its own, in whose foreground it runs."""

    def __init__(self, platform: DevProcess, *projects: Path, **variables: str) -> None:
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
            env=clean_environment(TERM="xterm-256color", **variables),
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
    """It develops `shown`. Its browser writes the addresses that it opens to the file `opened`."""
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path / "opened"}\n')
    browser.chmod(0o755)
    started = Terminal(dev, write_page_extension(tmp_path / "shown", "shown"), BROWSER=str(browser))
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


def test_keys_open_the_page_and_the_debug_page(terminal: Terminal, dev: DevProcess, tmp_path: Path) -> None:
    opened = tmp_path / "opened"

    def addresses() -> list[str]:
        return opened.read_text().split() if opened.exists() else []

    terminal.wait_for("Watching for changes")
    page = next(word for word in Text.from_ansi(terminal.shown.replace("\r", "")).plain.split() if "/msp/extensions/" in word)
    terminal.press("o")
    wait_until(lambda: addresses() == [page], lambda: f"{addresses()} {terminal.read()}")
    terminal.press("d")
    wait_until(lambda: addresses() == [page, f"{page}debug"], lambda: f"{addresses()} {terminal.read()}")
    # The browser that cannot be started is no reason to end: the address is shown.
    (tmp_path / "browser").unlink()
    start = len(terminal.read())
    terminal.press("O")
    terminal.wait_for(f"No browser could be opened. The address is {page}", after=start)
    # Both addresses lead to pages of the console.
    account = dev.wait_for("platform")
    with dev.client() as http:
        origin = {"origin": account["console"]}
        signed_in = http.post("/login", data={"email": account["email"], "password": account["password"]}, headers=origin)
        assert signed_in.status_code == 303
        for address in addresses():
            assert http.get(address).status_code == 200
    terminal.press("q")
    assert terminal.wait_for_end() == 0


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


def test_a_save_and_a_failure_are_shown_with_what_triggered_them(dev: DevProcess, tmp_path: Path, browser: Browser) -> None:
    project = write_handler_extension(tmp_path / "tickets", "tickets")
    source = project / "src" / "number.ts"
    shown = Terminal(dev, project)
    try:
        shown.wait_for("Watching for changes")
        with dev.client() as http:
            start = len(shown.read())
            save(source, number_source(7))
            shown.wait_for("src/number.ts changed", after=start)
            shown.wait_for("live in", after=start)
            assert http.get("/api/ext/com.example.tickets/n").json() == {"number": 7}
            shown.wait_for("warn: number 7", after=start)
            shown.wait_for("GET /n 200", after=start)
            assert http.get("/api/ext/com.example.tickets/open").status_code == 404
            shown.wait_for("GET /open 404 endpoint_not_found", after=start)
            save(source, "// How many tickets are open\nexport const number = open.length + ;\n")
            shown.wait_for("> 2 │ export const number = open.length + ;", after=start)
            shown.wait_for("The last good version keeps serving.", after=start)
            save(source, number_source(8))
            assert http.get("/api/ext/com.example.tickets/n").json() == {"number": 8}
            shown.wait_for("warn: number 8", after=start)
        shown.press("q")
        assert shown.wait_for_end() == 0
        if SCREENSHOTS is not None:
            take_picture(browser, shown.shown.replace(str(dev.data_dir), "~/.local/share/holdfast"), Path(SCREENSHOTS) / "dev-terminal.png")
    finally:
        shown.close()


def take_picture(browser: Browser, text: str, path: Path) -> None:
    """The terminal as a picture, with the colours that it had."""
    console = Console(record=True, width=118, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(text.replace("\r", "").strip()))
    page = browser.new_page(viewport={"width": 1460, "height": 900}, device_scale_factor=1)
    page.set_content(console.export_svg(title="holdfast dev"))
    page.locator("svg").first.screenshot(path=path)
    page.close()
