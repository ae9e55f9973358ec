"""`python -m holdfast.platform --fd N ...`: one worker of `holdfast gateway --workers` or `holdfast up --workers`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from functools import partial

import uvloop

from holdfast.logs import configure_logs
from holdfast.platform.gateway_processes import MODULE, serve_as_worker
from holdfast.platform.server import DEFAULT_STOP_SECONDS
from holdfast.processes.worker_options import WorkerOptions, parse_options, run_reporting
from holdfast.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves on an inherited socket; the exit code is 0 after a graceful stop, 1 when the worker could not start."""
    options = parse_options(arguments, module=MODULE, description="A worker of `holdfast gateway`.", stop_seconds=DEFAULT_STOP_SECONDS)
    return run_reporting(options, partial(_run, options), service="The gateway")


def _run(options: WorkerOptions, on_ready: Callable[[], None]) -> None:
    settings = load_settings()
    configure_logs(settings)
    listening = options.inherited_socket()
    if listening is None:
        raise ValueError("it serves on an inherited socket; start it with `holdfast gateway --workers`")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, listening:
        runner.run(serve_as_worker(settings, listening, options, on_ready))


if __name__ == "__main__":
    sys.exit(main())
