"""Exit codes and what is said on which stream."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cyclopts import App

import holdfast
from holdfast.cli import main
from holdfast.errors import HoldfastError
from tests.cli.command_runner import run


class Refused(HoldfastError):
    code = "refused"


def with_command(monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> None:
    """A command `fail [--json]` that raises."""

    async def fail(*, json: bool = False) -> None:
        raise failure

    def create_app(*, whole: bool) -> App:
        app = App(name="holdfast")
        app.command(fail)
        return app

    monkeypatch.setattr(main, "create_app", create_app)


def test_version_and_help_need_no_data_folder(tmp_path: Path) -> None:
    assert run("--version", cwd=tmp_path).stdout == f"{holdfast.__version__}\n"
    told = run("--help", cwd=tmp_path)
    assert told.returncode == 0
    assert all(f" {name} " in told.stdout for name in main.COMMANDS)
    assert "Start the platform" in told.stdout
    assert list(tmp_path.iterdir()) == []


def test_every_command_is_on_the_page_of_commands() -> None:
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    old = {"extension"}
    assert {name for name in main.COMMANDS if f"holdfast {name}" not in page} == old
    assert all(f"alga {name}" in page for name in old)


@pytest.mark.parametrize("arguments", [["nonsense"], ["list", "--nonsense"], ["install"], ["up", "--port", "many"]])
def test_what_is_not_understood_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr and done.stderr != ""


def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    done = run("list", "--json", cwd=tmp_path, PORT="many")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == "setting_invalid"
    assert "PORT" in done.stderr


def test_a_refusal_is_one_line_and_with_json_its_shape(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with_command(monkeypatch, Refused("No.", hint="Ask."))
    assert main.run(["fail"]) == 1
    assert capsys.readouterr() == ("", "No. Ask.\n")
    assert main.run(["fail", "--json"]) == 1
    assert capsys.readouterr() == ('{"error":"refused","message":"No.","hint":"Ask."}\n', "No. Ask.\n")


def test_the_unforeseen_is_a_sentence_and_its_traceback_only_on_request(
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
