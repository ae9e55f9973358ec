"""`python -m holdfast.platform.scheduler`: the scheduler that `holdfast up` starts."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

import uvloop

from holdfast.errors import HoldfastError
from holdfast.logs import configure_logs
from holdfast.platform.scheduler.process import run_scheduler
from holdfast.schedules.scheduler import Adopted
from holdfast.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until a signal or the end of the parent; the exit code is 0 then, 1 when it could not start or another scheduler took over."""
    parser = argparse.ArgumentParser(prog="python -m holdfast.platform.scheduler", description="The scheduler of `holdfast up`.")
    parser.add_argument("--parent-pipe", type=int, required=True, help="descriptor to read from; the process stops when it reaches its end")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        configure_logs(settings)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run_scheduler(settings, parent_pipe=options.parent_pipe))
    except Adopted:
        sys.stderr.write("Another scheduler has taken over the runs of this one, which gave no sign of life for too long.\n")
        return 1
    except HoldfastError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
