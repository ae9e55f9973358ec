"""Exit codes, output streams and the root help page."""

from __future__ import annotations

import json
import sys
from io import StringIO
from pathlib import Path

import pytest
from cyclopts import App
from rich.console import Console

import holdfast
from holdfast.cli import main
from holdfast.cli.command_table import COMMANDS
from holdfast.cli.root_help import root_help
from holdfast.errors import HoldfastError
from tests.cli.command_runner import run


class Denied(HoldfastError):
    code = "denied"


def with_command(monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> None:
    """A command `fail [--json]` that raises."""

    async def fail(*, json: bool = False) -> None:
        raise failure

    def create_app() -> App:
        app = App(name="holdfast")
        app.command(fail)
        return app

    monkeypatch.setattr(main, "create_app", create_app)


def test_version_and_help_need_no_data_folder(tmp_path: Path) -> None:
    assert run("--version", cwd=tmp_path).stdout == f"{holdfast.__version__}\n"
    for arguments in (["--help"], ["-h"], []):
        page = run(*arguments, cwd=tmp_path, COLUMNS="100")
        assert (page.returncode, page.stdout) == (0, root_help(100))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("width", [50, 80, 200])
def test_the_root_help_equals_the_page_that_cyclopts_prints(width: int) -> None:
    app = main.create_app()
    app.resolved_commands()  # imports the commands: cyclopts reads their docstrings, we read the table
    printed = StringIO()
    app.help_print([], console=Console(file=printed, width=width))
    assert root_help(width) == printed.getvalue()


def test_every_command_is_on_the_page_of_commands() -> None:
    page = (Path(__file__).parents[2] / "docs" / "guides" / "use-the-command-line.md").read_text()
    old = {"extension"}
    assert {name for name in COMMANDS if f"holdfast {name}" not in page} == old
    assert all(f"alga {name}" in page for name in old)


@pytest.mark.parametrize("arguments", [["nonsense"], ["list", "--nonsense"], ["install"], ["up", "--port", "many"]])
def test_a_command_line_that_cannot_be_parsed_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr and done.stderr != ""


def test_an_invalid_setting_is_named(tmp_path: Path) -> None:
    done = run("list", "--json", cwd=tmp_path, PORT="many")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == "setting_invalid"
    assert "PORT" in done.stderr


def test_an_error_is_one_line_and_with_json_an_object(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with_command(monkeypatch, Denied("No.", hint="Ask."))
    assert main.run(["fail"]) == 1
    assert capsys.readouterr() == ("", "No. Ask.\n")
    assert main.run(["fail", "--json"]) == 1
    assert capsys.readouterr() == ('{"error":"denied","message":"No.","hint":"Ask."}\n', "No. Ask.\n")


def test_an_unexpected_error_is_a_sentence_and_shows_its_traceback_only_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_command(monkeypatch, KeyError("lost"))
    monkeypatch.delenv("HOLDFAST_DEBUG", raising=False)
    assert main.run(["fail"]) == 1
    said = capsys.readouterr().err
    assert "KeyError" in said and "report" in said and "Traceback" not in said
    monkeypatch.setenv("HOLDFAST_DEBUG", "1")
    assert main.run(["fail"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interruption_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with_command(monkeypatch, KeyboardInterrupt())
    assert main.run(["fail"]) == 130
    assert capsys.readouterr() == ("", "")


def test_another_system_is_rejected_with_the_supported_ones(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert main.run(["list"]) == 1
    assert capsys.readouterr() == (
        "",
        "Holdfast does not run on this system (win32). "
        "It runs on Linux and macOS. On Windows, use the Windows Subsystem for Linux (WSL).\n",
    )
