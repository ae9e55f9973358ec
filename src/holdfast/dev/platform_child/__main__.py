"""`python -m holdfast.dev.platform_child`: the platform that `holdfast dev` starts. It ends with its parent, however that ends."""

from __future__ import annotations

import gc
import sys

from holdfast.processes.lean_imports import load_lean_libraries


def main() -> int:
    """Runs until SIGTERM or the end of the parent; see `serving`."""
    # A start is nearly all imports, and what they create stays: collecting would take a quarter of the time. `freeze_memory` enables it.
    gc.disable()
    load_lean_libraries()
    from holdfast.dev.platform_child.serving import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
