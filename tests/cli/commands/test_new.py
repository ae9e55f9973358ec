"""`holdfast new`: flags, questions, what it prints, and what it refuses."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.command_runner import COMMAND, clean_environment, run
from tests.waiting import MAX_WAIT_SECONDS

QUICK = ("--no-install", "--no-git")


def manifest_of(folder: Path) -> dict[str, object]:
    content = json.loads((folder / "manifest.json").read_text())
    assert isinstance(content, dict)
    return content


def answering(answers: Sequence[str], *arguments: str, cwd: Path) -> tuple[int, str]:
    """Runs the command at a terminal where someone types `answers`. Returns its exit code and everything on the screen."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=cwd, env=clean_environment(), stdin=follower, stdout=follower, stderr=follower, start_new_session=True
    )
    os.close(follower)
    os.write(leader, "".join(f"{answer}\n" for answer in answers).encode())
    screen = b""
    try:
        while chunk := os.read(leader, 65536):
            screen += chunk
    except OSError:
        pass  # Linux reports the end of a terminal as an error
    os.close(leader)
    return process.wait(MAX_WAIT_SECONDS), screen.decode()


def test_without_a_terminal_the_template_is_typescript_and_the_output_says_so(tmp_path: Path) -> None:
    done = run("new", "tickets", *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Template: typescript" in done.stderr and "--template" in done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "Created tickets: a page and a handler in TypeScript."
    assert "com.example.tickets of Example" in lines[1]
    assert [line.split("  ")[1].strip() for line in lines[4:]] == ["cd tickets", "npm ci", "holdfast dev", "npm test"]
    assert manifest_of(tmp_path / "tickets")["displayName"] == "Tickets"
    assert not (tmp_path / "tickets" / ".git").exists()


@pytest.mark.parametrize("alias", ["create", "init"])
def test_its_other_names_do_the_same(tmp_path: Path, alias: str) -> None:
    done = run(alias, "tickets", "--template", "page", "--publisher", "Acme", *QUICK, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["template"], result["name"], result["publisher"], result["problems"]) == ("page", "com.acme.tickets", "Acme", [])
    assert result["directory"] == str(tmp_path / "tickets")
    assert result["next"] == ["cd tickets", "npm ci", "holdfast dev", "npm test"]
    assert set(result["files"]) == {
        path.relative_to(tmp_path / "tickets").as_posix() for path in (tmp_path / "tickets").rglob("*") if path.is_file()
    }


def test_at_a_terminal_it_asks_and_asks_again_until_the_answer_works(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("")
    status, screen = answering(
        [
            "My App",
            "taken",
            "tickets",
            "9",
            "python",
            "",
        ],
        "new",
        *QUICK,
        cwd=tmp_path,
    )
    assert status == 0, screen
    assert "such as `my-app`" in screen
    assert "exists and is not empty" in screen
    assert "Type a number from 1 to 4" in screen
    assert (tmp_path / "tickets" / "src" / "handler.py").is_file()
    assert manifest_of(tmp_path / "tickets")["publisher"] == "Example"


def test_what_is_passed_is_not_asked(tmp_path: Path) -> None:
    status, screen = answering([], "new", "tickets", "--template", "page", "--publisher", "Acme", *QUICK, cwd=tmp_path)
    assert status == 0, screen
    assert "Number or name" not in screen and "Publisher:" not in screen


def test_a_repository_is_created_unless_the_project_is_in_one(tmp_path: Path) -> None:
    page = ("--template", "page", "--no-install")
    assert run("new", "outer", *page, cwd=tmp_path).returncode == 0
    assert (tmp_path / "outer" / ".git").is_dir()
    assert run("new", "inner", *page, cwd=tmp_path / "outer").returncode == 0
    assert not (tmp_path / "outer" / "inner" / ".git").exists()
    status = subprocess.run(
        ["git", "status", "--porcelain", "--ignored"],
        cwd=tmp_path / "outer",
        capture_output=True,
        text=True,
        timeout=MAX_WAIT_SECONDS,
        check=True,
    )
    assert "!!" not in status.stdout, "a file of the template is ignored by the template's .gitignore"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), "project_name_missing"),
        (("Bad Name",), "project_name_invalid"),
        (("tickets", "--template", "vue"), "template_unknown"),
        (("tickets", "--publisher", " "), "publisher_invalid"),
        (("full",), "folder_not_empty"),
    ],
)
def test_a_refusal_has_its_code_and_leaves_nothing(tmp_path: Path, arguments: tuple[str, ...], code: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    done = run("new", *arguments, *QUICK, "--json", cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["error"]) == (1, code)
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["full", "full/file"]


def test_packages_that_cannot_be_installed_are_a_note_and_the_project_stays(tmp_path: Path) -> None:
    registry = {"npm_config_registry": "http://127.0.0.1:9", "npm_config_cache": str(tmp_path / "cache"), "npm_config_fetch_retries": "0"}
    done = run("new", "tickets", "--template", "page", "--no-git", cwd=tmp_path, **registry)
    assert done.returncode == 0, done.stderr
    assert "The npm packages are not installed." in done.stderr and "npm ci" in done.stderr
    assert (tmp_path / "tickets" / "manifest.json").is_file()
