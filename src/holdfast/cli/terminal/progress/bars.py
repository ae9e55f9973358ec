"""Progress as bars, for a person who watches a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from holdfast.cli.terminal.printing import note
from holdfast.cli.terminal.progress.step_lines import Lines


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


def open_bars() -> Bars:
    """Bars on stderr."""
    return Bars(Console(stderr=True, highlight=False))
