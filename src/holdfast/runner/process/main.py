"""The runner's process, from its options to its exit code."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import uvloop

from holdfast.logs import configure_logs
from holdfast.processes.sockets import listen
from holdfast.processes.unix_sockets import listen_in
from holdfast.processes.worker_options import WorkerOptions, parse_options, run_reporting
from holdfast.runner.http.service_token import caller_token
from holdfast.runner.process.serve import STOP_SECONDS, serve
from holdfast.settings import Settings, load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the runner; the exit code is 0 after a graceful stop, 1 when it could not start."""
    options = parse_options(arguments, module="holdfast.runner", description="Runs extensions for a gateway.", stop_seconds=STOP_SECONDS)
    return run_reporting(options, partial(_run, options), service="The runner")


def _run(options: WorkerOptions, on_ready: Callable[[], None]) -> None:
    settings = load_settings()
    configure_logs(settings)
    caller_token(settings)  # raises before a port is bound
    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        _listening(settings, options) as listening,
        _unix_socket(settings, options) as unix,
    ):
        serving = serve(
            settings,
            listening,
            unix=unix,
            parent_pipe=options.parent_pipe,
            stop_seconds=options.stop_seconds,
            worker=options.worker,
            on_ready=on_ready,
        )
        runner.run(serving)


def _listening(settings: Settings, options: WorkerOptions) -> socket.socket:
    inherited = options.inherited_socket()
    if inherited is not None:
        return inherited
    return listen(settings.host, settings.resolved_runner_port, purpose="the runner", variable="RUNNER_PORT")


@contextmanager
def _unix_socket(settings: Settings, options: WorkerOptions) -> Iterator[socket.socket | None]:
    """The Unix socket to serve on too. A process that inherits its sockets makes none: the folder is its parent's."""
    if options.fd is not None or settings.runner_socket_dir is None:
        yield options.inherited_unix_socket()
        return
    with listen_in(settings.runner_socket_dir, 1) as sockets:
        yield sockets[0]
