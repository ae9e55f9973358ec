"""Progress: bars for a person, lines for a log, nothing for a program."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from holdfast.cli.terminal.progress.bars import Bars
from holdfast.cli.terminal.progress.progress import open_progress
from holdfast.cli.terminal.progress.step_lines import Lines
from holdfast.client.progress import NoProgress, StepProgress, WorkProgress


def work(progress: WorkProgress) -> None:
    progress("Packing")
    with progress.transfer("Uploading", 4_000) as sent:
        sent(1_000)
        sent(3_000)
    with progress.waiting("Compiling [bold]x"):
        pass


def test_without_a_terminal_each_step_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = open_progress(quiet=False)
    assert type(chosen) is Lines
    work(chosen)
    assert capsys.readouterr() == ("", "Packing\nUploading (4,000 bytes)\nCompiling [bold]x\n")


def test_for_a_program_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = open_progress(quiet=True)
    assert type(chosen) is NoProgress
    work(chosen)
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_bars_move_and_the_lines_stay(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sys.stderr, "isatty", lambda: True)
        assert type(open_progress(quiet=False)) is Bars
    screen = io.StringIO()
    work(Bars(Console(file=screen, force_terminal=True, width=100)))
    shown = screen.getvalue()
    assert "Uploading" in shown and "3.9/3.9 KiB" in shown and "Compiling [bold]x" in shown
    assert capsys.readouterr().err == "Packing\nUploading (4,000 bytes)\nCompiling [bold]x\n"


def test_an_error_during_a_transfer_leaves_no_bar_behind() -> None:
    screen = io.StringIO()
    with pytest.raises(OSError, match="broke"), Bars(Console(file=screen, force_terminal=True, width=100)).transfer("Uploading", 10):
        raise OSError("broke")
    assert screen.getvalue().rstrip().endswith(("\x1b[2K", "\x1b[?25h"))


def test_step_progress_reports_only_steps() -> None:
    steps: list[str] = []
    work(StepProgress(steps.append))
    assert steps == ["Packing"]
