"""Shows the progress of long work on stderr: bars on a terminal, lines elsewhere, nothing for programs."""

from __future__ import annotations

import sys

from holdfast.cli.terminal.progress.step_lines import Lines
from holdfast.client.progress import NoProgress, WorkProgress


def open_progress(*, quiet: bool) -> WorkProgress:
    """Bars when a person watches stderr, lines otherwise, nothing when `quiet`."""
    if quiet:
        return NoProgress()
    if not sys.stderr.isatty():
        return Lines()
    # Imported here: what draws bars takes longer to import than most commands run.
    from holdfast.cli.terminal.progress.bars import open_bars

    return open_bars()
