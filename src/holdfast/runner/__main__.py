"""`python -m holdfast.runner [--fd N] [--parent-pipe N]`: one process that serves on the settings' port, or on an inherited socket."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import uvloop

from holdfast.errors import HoldfastError
from holdfast.logs import configure_logs
from holdfast.runner.http.service_token import caller_token
from holdfast.runner.http.sockets import listen
from holdfast.runner.process.child_process import READY
from holdfast.runner.process.serve import STOP_SECONDS, serve
from holdfast.settings import Settings, load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the runner; the exit code is 0 after a graceful stop, 1 when it could not start."""
    parser = argparse.ArgumentParser(prog="python -m holdfast.runner", description="Runs extensions for a gateway.")
    parser.add_argument("--fd", type=int, help="descriptor of an inherited listening socket")
    parser.add_argument("--parent-pipe", type=int, help="descriptor to read from; the runner stops when it reaches its end")
    parser.add_argument("--report-pipe", type=int, help="descriptor to write to: that calls are accepted, or why the runner cannot start")
    parser.add_argument("--worker", type=int, default=0, help="the index of this process among the workers of the runner")
    parser.add_argument("--stop-seconds", type=int, default=STOP_SECONDS, help="how long running calls may take after a stop")
    options = parser.parse_args(arguments)

    def report(line: str) -> None:
        if options.report_pipe is not None:
            with suppress(OSError):
                os.write(options.report_pipe, f"{' '.join(line.split())}\n".encode())

    try:
        _run(options, lambda: report(READY))
    except HoldfastError as error:
        reason = str(error)
    except (OSError, ValueError) as error:
        reason = f"The runner cannot start: {error}."
    else:
        return 0
    sys.stderr.write(f"{reason}\n")
    report(reason)
    return 1


def _run(options: argparse.Namespace, on_ready: Callable[[], None]) -> None:
    settings = load_settings()
    configure_logs(settings)
    caller_token(settings)  # raises before a port is bound
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, _listening(settings, options.fd) as listening:
        serving = serve(
            settings,
            listening,
            parent_pipe=options.parent_pipe,
            stop_seconds=options.stop_seconds,
            worker=options.worker,
            on_ready=on_ready,
        )
        runner.run(serving)


def _listening(settings: Settings, inherited: int | None) -> socket.socket:
    if inherited is not None:
        return socket.socket(fileno=inherited)
    return listen(settings.host, settings.resolved_runner_port, purpose="the runner", variable="RUNNER_PORT")


if __name__ == "__main__":
    sys.exit(main())
