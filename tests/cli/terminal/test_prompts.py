"""What is asked for is shown before it is granted, and only a yes grants it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.cli.terminal.prompts import MEANINGS, ConsentMissing, NotAskedFor, ask, narrowed
from holdfast.world.capabilities import Capability
from tests.cli.command_runner import COMMAND, clean_environment, run, write_extension
from tests.waiting import MAX_WAIT_SECONDS

QUESTION = "Grant this? [y/N] "
ASKING = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C on the terminal is a signal here
from holdfast.cli import main
from cyclopts import App
from holdfast.cli.terminal.prompts import ask

async def command() -> None:
    ask("Notes asks for", ["cap:http.fetch"], ["api.example.com"], yes=False)
    print("granted")

def create_app(*, whole: bool) -> App:
    app = App()
    app.command(command)
    return app

main.create_app = create_app
raise SystemExit(main.run(["command"]))
"""


def answered(answer: bytes, *command: str, cwd: Path | None = None) -> tuple[int, str, str]:
    """The exit code, stdout and what the terminal showed when a person answers this to the question of a command; else of one that asks."""
    terminal, inside = pty.openpty()
    try:
        process = subprocess.Popen(
            [*COMMAND, *command] if command else [sys.executable, "-c", ASKING],
            cwd=cwd,
            stdin=inside,
            stdout=subprocess.PIPE,
            stderr=inside,
            env=clean_environment(),
            start_new_session=True,
        )
        os.close(inside)
        shown = b""
        while QUESTION.encode() not in shown:
            assert select.select([terminal], [], [], MAX_WAIT_SECONDS)[0], shown
            shown += os.read(terminal, 4_096)
        os.write(terminal, answer)
        out, _ = process.communicate(timeout=MAX_WAIT_SECONDS)
        try:
            while select.select([terminal], [], [], 0)[0]:
                shown += os.read(terminal, 4_096)
        except OSError:
            pass  # nobody has the other end any more
        return process.returncode, out.decode(), shown.decode()
    finally:
        os.close(terminal)


@pytest.mark.parametrize("answer", [b"y\n", b"YES\n"])
def test_a_yes_at_the_terminal_grants(answer: bytes) -> None:
    code, out, shown = answered(answer)
    assert (code, out) == (0, "granted\n")
    assert "cap:http.fetch  call the hosts below over the network, and no others" in shown and "api.example.com" in shown


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"perhaps\n", b"\x04"], ids=["no", "nothing", "anything", "end"])
def test_every_other_answer_grants_nothing(answer: bytes) -> None:
    code, out, shown = answered(answer)
    assert (code, out) == (1, "")
    assert "Nothing was granted, and nothing was changed." in shown


def test_ctrl_c_ends_the_question_at_once() -> None:
    code, out, shown = answered(b"\x03")
    assert (code, out) == (130, "")
    assert "Traceback" not in shown


def test_the_question_of_an_install_is_answered_at_the_terminal(tmp_path: Path) -> None:
    data = ("--data-dir", "data")
    project = write_extension(tmp_path / "pages", capabilities=["cap:storage.kv"])
    assert run("publish", project, *data, cwd=tmp_path).returncode == 0
    asking = ("install", "Example.com.example.sample@1.0.0", *data)
    assert answered(b"n\n", *asking, cwd=tmp_path)[0] == 1
    assert run("list", *data, cwd=tmp_path).stdout == ""
    code, out, shown = answered(b"y\n", *asking, cwd=tmp_path)
    assert code == 0 and "  granted    cap:storage.kv" in out.splitlines()
    assert "Sample 1.0.0 of Example asks for" in shown and "keep records of its own" in shown


def test_without_a_terminal_it_is_shown_and_refused_unless_yes_was_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with (tmp_path / "empty").open("w+") as nobody, pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdin", nobody)
        with pytest.raises(ConsentMissing, match="--yes"):
            ask("Notes asks for", ["cap:http.fetch"], [], yes=False)
        ask("Notes asks for", ["cap:http.fetch"], [], yes=True)
        ask("Notes asks for", ["cap:log.emit"], [], yes=False)
        ask("Notes asks for", [], [], yes=False)
    out, err = capsys.readouterr()
    assert out == "" and err.count("cap:http.fetch  call the hosts") == 2
    assert "nothing beyond what every extension may do" in err


def test_a_name_cannot_write_over_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    ask("Notes\x1b[2K\x1b[1A asks for", ["cap:http.fetch"], ["a\x1b[8m.example"], yes=True)
    assert "\x1b" not in capsys.readouterr().err


def test_every_capability_has_a_meaning_in_words() -> None:
    assert set(MEANINGS) == set(Capability)


def test_what_is_asked_for_can_be_narrowed() -> None:
    asked, hosts = ["cap:http.fetch", "cap:log.emit", "cap:storage.kv"], ["a.example", "b.example"]
    assert narrowed(asked, hosts, only=(), no_egress=()) == (asked, hosts)
    assert narrowed(asked, hosts, only=("storage.kv, CAP:log.emit",), no_egress=("A.example",)) == (
        ["cap:log.emit", "cap:storage.kv"],
        ["b.example"],
    )
    for only, no_egress in ((("cap:client.read",), ()), ((), ("c.example",))):
        with pytest.raises(NotAskedFor, match=r"client\.read|c\.example"):
            narrowed(asked, hosts, only=only, no_egress=no_egress)
