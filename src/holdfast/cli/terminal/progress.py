"""Shows the progress of long work on stderr: bars on a terminal, lines elsewhere, nothing for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from holdfast.cli.terminal.printing import note
from holdfast.client.progress import NoProgress, WorkProgress


class Lines(NoProgress):
    """Prints a line when a step begins."""

    def __call__(self, step: str, /) -> None:
        note(step)

    @contextmanager
    def transfer(self, step: str, total: int) -> Iterator[Callable[[int], None]]:
        note(f"{step} ({total:,} bytes)")
        yield lambda count: None

    @contextmanager
    def waiting(self, step: str) -> Iterator[None]:
        note(step)
        yield


class Bars(Lines):
    """Shows bars that disappear when the work is done; steps are lines."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def transfer(self, step: str, total: int) -> Iterator[Callable[[int], None]]:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn())
        with Progress(*columns, console=self._console, transient=True) as bars:
            task = bars.add_task(step, total=total)
            yield lambda count: bars.advance(task, count)
        note(f"{step} ({total:,} bytes)")

    @contextmanager
    def waiting(self, step: str) -> Iterator[None]:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as bars:
            bars.add_task(step, total=None)
            yield
        note(step)


def open_progress(*, quiet: bool) -> WorkProgress:
    """Bars when a person watches stderr, lines otherwise, nothing when `quiet`."""
    if quiet:
        return NoProgress()
    return Bars(Console(stderr=True, highlight=False)) if sys.stderr.isatty() else Lines()
