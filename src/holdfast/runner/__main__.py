"""`python -m holdfast.runner [--fd N] [--parent-pipe N]`: one process that serves on the settings' port, or on an inherited socket."""

from __future__ import annotations

import gc
import sys

from holdfast.processes.lean_imports import load_lean_libraries


def main() -> int:
    """Runs the runner; the exit code is 0 after a graceful stop, 1 when it could not start."""
    # What imports create stays to the end, and there is nothing to collect before the first call. `serve` enables it again.
    gc.disable()
    load_lean_libraries()
    from holdfast.runner.process.main import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
