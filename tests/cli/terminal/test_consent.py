"""The consent prompt shows the requested rights, and grants them only after a yes."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.cli.terminal.consent import MEANINGS, ConsentMissing, NotRequested, require_consent, select_rights
from holdfast.world.capabilities import Capability
from tests.cli.command_runner import COMMAND, clean_environment, run, write_extension
from tests.waiting import MAX_WAIT_SECONDS

QUESTION = "Grant these rights? [y/N] "
CONSENT_SCRIPT = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C on the terminal is a signal here
from holdfast.cli import main
from cyclopts import App
from holdfast.cli.terminal.consent import require_consent

async def command() -> None:
    require_consent("Notes requests", ["cap:http.fetch"], ["api.example.com"], yes=False)
    print("granted")

def create_app() -> App:
    app = App()
    app.command(command)
    return app

main.create_app = create_app
raise SystemExit(main.run(["command"]))
"""


def run_at_terminal(reply: bytes, *command: str, cwd: Path | None = None) -> tuple[int, str, str]:
    """Replies to the prompt of a command; returns its exit code, stdout and the text on the terminal."""
    terminal, inside = pty.openpty()
    try:
        process = subprocess.Popen(
            [*COMMAND, *command] if command else [sys.executable, "-c", CONSENT_SCRIPT],
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
        os.write(terminal, reply)
        out, _ = process.communicate(timeout=MAX_WAIT_SECONDS)
        try:
            while select.select([terminal], [], [], 0)[0]:
                shown += os.read(terminal, 4_096)
        except OSError:
            pass  # the other end is closed
        return process.returncode, out.decode(), shown.decode()
    finally:
        os.close(terminal)


@pytest.mark.parametrize("reply", [b"y\n", b"YES\n"])
def test_a_yes_at_the_terminal_grants(reply: bytes) -> None:
    code, out, shown = run_at_terminal(reply)
    assert (code, out) == (0, "granted\n")
    assert "cap:http.fetch  call the hosts below over the network, and no other hosts" in shown and "api.example.com" in shown


@pytest.mark.parametrize("reply", [b"n\n", b"\n", b"perhaps\n", b"\x04"], ids=["no", "nothing", "anything", "end"])
def test_every_other_reply_grants_nothing(reply: bytes) -> None:
    code, out, shown = run_at_terminal(reply)
    assert (code, out) == (1, "")
    assert "Nothing was granted, and nothing was changed." in shown


def test_ctrl_c_ends_the_prompt_at_once() -> None:
    code, out, shown = run_at_terminal(b"\x03")
    assert (code, out) == (130, "")
    assert "Traceback" not in shown


def test_install_prompts_for_consent_at_the_terminal(tmp_path: Path) -> None:
    data = ("--data-dir", "data")
    project = write_extension(tmp_path / "pages", capabilities=["cap:storage.kv"])
    assert run("publish", project, *data, cwd=tmp_path).returncode == 0
    command = ("install", "Example.com.example.sample@1.0.0", *data)
    assert run_at_terminal(b"n\n", *command, cwd=tmp_path)[0] == 1
    assert run("list", *data, cwd=tmp_path).stdout == ""
    code, out, shown = run_at_terminal(b"y\n", *command, cwd=tmp_path)
    assert code == 0 and "  granted    cap:storage.kv" in out.splitlines()
    assert "Sample 1.0.0 of Example requests" in shown and "store its own records" in shown


def test_without_a_terminal_the_rights_are_shown_and_denied_unless_yes_is_passed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with (tmp_path / "empty").open("w+") as empty_stdin, pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdin", empty_stdin)
        with pytest.raises(ConsentMissing, match="--yes"):
            require_consent("Notes requests", ["cap:http.fetch"], [], yes=False)
        require_consent("Notes requests", ["cap:http.fetch"], [], yes=True)
        require_consent("Notes requests", ["cap:log.emit"], [], yes=False)
        require_consent("Notes requests", [], [], yes=False)
    out, err = capsys.readouterr()
    assert out == "" and err.count("cap:http.fetch  call the hosts") == 2
    assert "no rights beyond those of every extension" in err


def test_a_name_cannot_overwrite_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    require_consent("Notes\x1b[2K\x1b[1A requests", ["cap:http.fetch"], ["a\x1b[8m.example"], yes=True)
    assert "\x1b" not in capsys.readouterr().err


def test_every_capability_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Capability)


def test_requested_rights_can_be_narrowed() -> None:
    requested, hosts = ["cap:http.fetch", "cap:log.emit", "cap:storage.kv"], ["a.example", "b.example"]
    assert select_rights(requested, hosts, only=(), no_egress=()) == (requested, hosts)
    assert select_rights(requested, hosts, only=("storage.kv, CAP:log.emit",), no_egress=("A.example",)) == (
        ["cap:log.emit", "cap:storage.kv"],
        ["b.example"],
    )
    for only, no_egress in ((("cap:client.read",), ()), ((), ("c.example",))):
        with pytest.raises(NotRequested, match=r"client\.read|c\.example"):
            select_rights(requested, hosts, only=only, no_egress=no_egress)
