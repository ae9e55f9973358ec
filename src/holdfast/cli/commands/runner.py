"""`holdfast runner`: the runner alone, in front of an application that has the rest."""

from __future__ import annotations

import socket
from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.options import DataDir, Json, load_settings
from holdfast.cli.terminal.printing import print_json, print_lines
from holdfast.cli.terminal.settings_report import configuration, print_configuration
from holdfast.logs import configure_logs
from holdfast.runner.http.service_token import caller_token
from holdfast.runner.process.serve import serve
from holdfast.runner.process.sockets import listen, listen_together, origin_of
from holdfast.runner.process.supervisor import run_workers


async def runner(
    *,
    port: Annotated[int | None, Parameter(help="Port to listen on; 0 picks a free one. Else RUNNER_PORT, else PORT, else 8085.")] = None,
    host: Annotated[str | None, Parameter(help="Address to listen on. Else HOLDFAST_HOST, else 127.0.0.1.")] = None,
    workers: Annotated[int | None, Parameter(help="Processes that share the port. Else RUNNER_WORKERS, else 1.")] = None,
    print_config: Annotated[
        bool, Parameter("--print-config", negative="", help="Print every setting, where it came from, and stop. Secrets are masked.")
    ] = False,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Start the runner alone. It needs RUNNER_SERVICE_TOKEN, and REGISTRY_BASE_URL to ask what is installed."""
    given = {"data_dir": data_dir, "runner_port": port, "host": host, "runner_workers": workers}
    settings = load_settings(**given)
    if print_config:
        print_configuration(configuration(settings, given), as_json=json)
        return
    configure_logs(settings)
    caller_token(settings)  # refused before its address is told

    def tell(listening: socket.socket) -> None:
        if json:
            print_json({"runner": origin_of(listening)})
        else:
            print_lines(f"The runner is at {origin_of(listening)}")

    wanted = {"purpose": "the runner", "flag": "--port", "variable": "RUNNER_PORT"}
    if settings.runner_workers > 1:
        sockets = listen_together(settings.host, settings.resolved_runner_port, settings.runner_workers, **wanted)
        await run_workers(settings, sockets, lambda: tell(sockets[0]))
        return
    with listen(settings.host, settings.resolved_runner_port, **wanted) as listening:
        tell(listening)
        await serve(settings, listening)
