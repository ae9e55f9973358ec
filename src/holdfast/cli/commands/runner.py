"""`holdfast runner`: start only the runner, for an application that has the rest of the platform."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.printing import print_json, print_lines
from holdfast.cli.terminal.settings_report import print_configuration, warn_about_unknown_variables
from holdfast.logs import configure_logs
from holdfast.processes.sockets import listen, listen_together, origin_of
from holdfast.processes.unix_sockets import listen_in
from holdfast.runner.http.service_token import caller_token
from holdfast.runner.process.serve import serve
from holdfast.runner.process.supervisor import run_workers
from holdfast.settings import Settings, load_settings
from holdfast.settings.origins import configuration


async def runner(
    *,
    port: Annotated[int | None, Parameter(help="Port to listen on; 0 picks a free one. Default: RUNNER_PORT, PORT, or 8085.")] = None,
    host: Annotated[str | None, Parameter(help="Address to listen on. Default: HOLDFAST_HOST, or 127.0.0.1.")] = None,
    workers: Annotated[int | None, Parameter(help="Number of processes that share the port. Default: RUNNER_WORKERS, or 1.")] = None,
    print_config: Annotated[
        bool, Parameter("--print-config", negative="", help="Print every setting and its source, then exit. Secrets are masked.")
    ] = False,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Start only the runner, for an application that has the rest of the platform.

    Set RUNNER_SERVICE_TOKEN, and REGISTRY_BASE_URL to the origin that answers install lookups.
    """
    given = {"data_dir": data_dir, "runner_port": port, "host": host, "runner_workers": workers}
    settings = load_settings(**given)
    if print_config:
        print_configuration(configuration(settings, given), as_json=json)
        return
    configure_logs(settings)
    warn_about_unknown_variables()
    caller_token(settings)  # fails before the address is printed

    def print_address(listening: socket.socket) -> None:
        if json:
            print_json({"runner": origin_of(listening)})
        else:
            print_lines(f"The runner listens at {origin_of(listening)}")

    with ExitStack() as held:
        folder = settings.runner_socket_dir
        unix = [] if folder is None else held.enter_context(listen_in(folder, settings.runner_workers))
        await _serve(settings, unix, print_address)


async def _serve(settings: Settings, unix: list[socket.socket], print_address: Callable[[socket.socket], None]) -> None:
    options = {"purpose": "the runner", "flag": "--port", "variable": "RUNNER_PORT"}
    if settings.runner_workers > 1:
        gc.enable()  # see `cli.main`: here nothing is served
        sockets = listen_together(settings.host, settings.resolved_runner_port, settings.runner_workers, **options)
        await run_workers(settings, sockets, lambda: print_address(sockets[0]), unix=unix)
        return
    with listen(settings.host, settings.resolved_runner_port, **options) as listening:
        print_address(listening)
        await serve(settings, listening, unix=unix[0] if unix else None)
