"""Shows the progress of long work on stderr: bars on a terminal, lines elsewhere, nothing for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


def open_progress(*, quiet: bool) -> WorkProgress:
    """Bars when a person watches stderr, lines otherwise, nothing when `quiet`."""
    if quiet:
        return NoProgress()
    if not sys.stderr.isatty():
        return Lines()
    # Imported here: what draws bars takes longer to import than most commands run.
    from holdfast.cli.terminal.progress_bars import open_bars

    return open_bars()
