"""How far long work is: bars on a terminal, plain lines elsewhere, nothing for programs. All of it on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from holdfast.cli.terminal.printing import note


class WorkProgress(Protocol):
    """Where work tells how far it is. Called with a sentence, it tells one step."""

    def __call__(self, step: str, /) -> None: ...

    def transfer(self, step: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """While a number of bytes is sent; what is entered is told how many more went."""
        ...

    def waiting(self, step: str) -> AbstractContextManager[None]:
        """While something takes long and does not say how far it is."""
        ...


class Silent:
    """Tells nothing."""

    def __call__(self, step: str, /) -> None:
        pass

    @contextmanager
    def transfer(self, step: str, total: int) -> Iterator[Callable[[int], None]]:
        yield lambda sent: None

    @contextmanager
    def waiting(self, step: str) -> Iterator[None]:
        yield


class Lines(Silent):
    """Tells the beginning of each step as a line."""

    def __call__(self, step: str, /) -> None:
        note(step)

    @contextmanager
    def transfer(self, step: str, total: int) -> Iterator[Callable[[int], None]]:
        note(f"{step} ({total:,} bytes)")
        yield lambda sent: None

    @contextmanager
    def waiting(self, step: str) -> Iterator[None]:
        note(step)
        yield


class Bars(Lines):
    """Bars that are gone when the work is done; steps are lines, as above."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def transfer(self, step: str, total: int) -> Iterator[Callable[[int], None]]:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn())
        with Progress(*columns, console=self._console, transient=True) as bars:
            task = bars.add_task(step, total=total)
            yield lambda sent: bars.advance(task, sent)
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
        return Silent()
    return Bars(Console(stderr=True, highlight=False)) if sys.stderr.isatty() else Lines()
