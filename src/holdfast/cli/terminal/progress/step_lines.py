"""Progress as lines on stderr, one when a step begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from holdfast.cli.terminal.printing import note
from holdfast.client.progress import NoProgress


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
