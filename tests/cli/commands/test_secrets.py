"""`holdfast secrets`: where values come from, that they are never shown, and the rotation of keys."""

from __future__ import annotations

import json
import os
import pty
import select
import stat
import sys
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from holdfast.cli.terminal.secret_values import read_values
from tests.cli.command_runner import COMMAND, Done, Platform, clean_environment, write_extension
from tests.waiting import MAX_WAIT_SECONDS

NAME = "com.example.sample"
VALUE = "a-value-that-must-stay-secret"
DATA = ("--data-dir", "data")


class Shell:
    """Runs `holdfast secrets …` in one folder, with a text on stdin; its output must not contain the value."""

    def __init__(self, folder: Path, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._command, self._monkeypatch = folder, command, monkeypatch

    def __call__(self, *arguments: str | Path, stdin: str = "", **variables: str) -> Done:
        self._monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(stdin.encode())))
        done = self._command("secrets", *arguments, *DATA, **variables)
        assert VALUE not in done.stdout + done.stderr
        return done

    def run_json(self, *arguments: str | Path, stdin: str = "") -> dict[str, Any]:
        """The JSON that a successful command prints."""
        done = self(*arguments, "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result


@pytest.fixture
def secrets(tmp_path: Path, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell without installs."""
    return Shell(tmp_path, command, monkeypatch)


@pytest.fixture
def installed(secrets: Shell, command: Callable[..., Done]) -> Shell:
    """A shell with one extension installed."""
    done = command("install", write_extension(secrets.folder / "sample", capabilities=["cap:secrets.get"]), *DATA)
    assert done.returncode == 0, done.stderr
    return secrets


def test_secrets_are_set_from_stdin_and_files_listed_by_name_and_removed(installed: Shell) -> None:
    (installed.folder / "key.pem").write_text(f"{VALUE}\n")
    first = installed.run_json("set", NAME, "API_KEY=-", "--from-file", "PEM=key.pem", stdin=f"{VALUE}\n")
    assert (first["keys"], first["algorithm"], first["expires_at"]) == (["API_KEY", "PEM"], "aes-gcm:v1", None)
    assert installed.run_json("list", NAME) == first
    assert installed("list", NAME).stdout == "API_KEY\nPEM\n"
    assert installed.run_json("remove", NAME, "PEM")["keys"] == ["API_KEY"]
    assert installed.run_json("remove", NAME, "--all")["keys"] == []
    assert "No secrets" in installed("list", NAME).stderr


def test_the_last_line_end_belongs_to_the_value_in_a_file_but_not_on_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "value").write_bytes(b"line\r\n")
    assert read_values([], [f"a={tmp_path / 'value'}"]) == {"a": "line\r\n"}
    for sent, kept in ((b"line\n", "line"), (b"line\r\n", "line"), (b"line\n\n", "line\n"), (b"line", "line")):
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(sent)))
        assert read_values(["a=-"], []) == {"a": kept}


def test_a_value_on_the_command_line_is_rejected_and_not_shown(installed: Shell) -> None:
    rejected = installed("set", NAME, f"API_KEY={VALUE}")
    assert rejected.returncode == 1
    assert "not accepted on the command line" in rejected.stderr and "--from-file" in rejected.stderr
    assert installed.run_json("list", NAME)["keys"] == []


def test_a_terminal_prompts_for_the_value_and_does_not_show_it(installed: Shell) -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(installed.folder)
        os.execve(sys.executable, [*COMMAND, "secrets", "set", NAME, "API_KEY", *DATA], clean_environment())
    shown = b""
    while b"Value of API_KEY: " not in shown and select.select([terminal], [], [], MAX_WAIT_SECONDS)[0]:
        shown += os.read(terminal, 1024)
    os.write(terminal, f"{VALUE}\n".encode())
    try:
        while chunk := os.read(terminal, 1024):
            shown += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    assert os.waitpid(process, 0)[1] == 0, shown
    os.close(terminal)
    assert VALUE.encode() not in shown
    assert installed.run_json("list", NAME)["keys"] == ["API_KEY"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "No secret given"),
        (("A",), "not a terminal"),
        (("A=-", "B=-"), "stdin is given twice"),
        (("A=-", "--from-file", "A=value"), "given twice"),
        (("A=-",), "A is empty"),
        (("bad name=-",), "letters, digits"),
        (("--from-file", "value"), "NAME=FILE"),
        (("--from-file", "A=absent"), "Cannot read absent"),
        (("--from-file", "A=bytes"), "UTF-8"),
        (("--from-file", "A=large"), "32 KiB"),
        (("--from-file", "A=value", "--expires", "soon"), "is not a time"),
        (("--from-file", "A=value", "--expires", "2001-01-01"), "expired already"),
    ],
    ids=str,
)
def test_an_invalid_secret_is_rejected_with_what_to_do(secrets: Shell, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    (tmp_path / "value").write_text(VALUE)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_text("x" * 40_000)
    rejected = secrets("set", NAME, *arguments)
    assert rejected.returncode == 1
    assert words in rejected.stderr


def test_an_expiry_is_set_shown_and_removed_without_the_values(installed: Shell) -> None:
    installed.run_json("set", NAME, "A=-", stdin=VALUE)
    assert installed.run_json("set", NAME, "--expires", "2999-12-31")["expires_at"] == "2999-12-31T00:00:00Z"
    assert "expire at 2999-12-31 00:00" in installed("list", NAME).stderr
    assert installed.run_json("set", NAME, "--expires", "never")["expires_at"] is None
    assert installed.run_json("list", NAME)["keys"] == ["A"]


def test_remove_requires_names_or_all(installed: Shell) -> None:
    for arguments in ((), ("A", "--all")):
        assert "--all" in installed("remove", NAME, *arguments).stderr
    assert "no secret of that name" in installed("remove", NAME, "A").stderr


def test_the_key_file_is_next_to_the_database_and_readable_only_by_its_owner(installed: Shell) -> None:
    installed.run_json("set", NAME, "A=-", stdin=VALUE)
    key = installed.folder / "data" / "secrets.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert VALUE.encode() not in b"".join(file.read_bytes() for file in (installed.folder / "data").glob("holdfast.db*"))


def test_rotation_adds_a_key_and_removes_old_ones(installed: Shell) -> None:
    installed.run_json("set", NAME, "A=-", stdin=VALUE)
    before = installed.run_json("list", NAME)["key_id"]
    rotated = installed("rotate", "--new-key")
    assert rotated.returncode == 0 and "Encrypted again: 1." in rotated.stdout
    after = installed.run_json("list", NAME)["key_id"]
    assert after != before and f"Added the key {after}" in rotated.stderr
    assert installed.run_json("rotate", "--drop-old-keys") == {"resealed": 0, "newest_already": 1, "unreadable": [], "dropped_keys": 1}
    assert installed.run_json("list", NAME)["keys"] == ["A"]


def test_secrets_of_a_lost_key_are_reported_and_neither_overwritten_nor_rotated(installed: Shell) -> None:
    installed.run_json("set", NAME, "A=-", stdin=VALUE)
    (installed.folder / "data" / "secrets.key").unlink()
    for arguments in (("set", NAME, "B=-"), ("list", NAME), ("remove", NAME, "A")):
        rejected = installed(*arguments, stdin="2")
        assert rejected.returncode == 1 and "Put that key back" in rejected.stderr
    rotated = installed("rotate")
    assert rotated.returncode == 1 and "Cannot decrypt" in rotated.stderr
    assert installed.run_json("remove", NAME, "--all")["keys"] == []


def test_production_does_not_start_without_a_key_and_names_the_variable(tmp_path: Path) -> None:
    with Platform(tmp_path, as_json=True, HOLDFAST_ENVIRONMENT="production") as platform:
        assert platform.process.wait(timeout=MAX_WAIT_SECONDS) == 1
        assert "HOLDFAST_SECRETS_KEY" in platform.stderr_text()
    assert not (tmp_path / "data" / "secrets.key").exists()


def test_an_invalid_encryption_key_is_reported_by_variable_and_not_shown(installed: Shell) -> None:
    rejected = installed("list", NAME, HOLDFAST_SECRETS_KEY=VALUE)
    assert rejected.returncode == 1 and "HOLDFAST_SECRETS_KEY is not a key" in rejected.stderr
