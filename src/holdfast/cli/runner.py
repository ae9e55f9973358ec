"""`holdfast runner`: the runner alone, in front of an application that has the rest."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.configuration import configuration, print_configuration
from holdfast.cli.options import DataDir, Json, load_settings
from holdfast.cli.printing import print_json, print_lines
from holdfast.logs import configure_logs
from holdfast.runner.main import serve
from holdfast.runner.sockets import listen, origin_of
from holdfast.runner.tokens import caller_token


async def runner(
    *,
    port: Annotated[int | None, Parameter(help="Port to listen on; 0 picks a free one. Else RUNNER_PORT, else PORT, else 8085.")] = None,
    host: Annotated[str | None, Parameter(help="Address to listen on. Else HOLDFAST_HOST, else 127.0.0.1.")] = None,
    print_config: Annotated[
        bool, Parameter("--print-config", negative="", help="Print every setting, where it came from, and stop. Secrets are masked.")
    ] = False,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Start the runner alone. It needs RUNNER_SERVICE_TOKEN, and REGISTRY_BASE_URL to ask what is installed."""
    given = {"data_dir": data_dir, "runner_port": port, "host": host}
    settings = load_settings(**given)
    if print_config:
        print_configuration(configuration(settings, given), as_json=json)
        return
    configure_logs(settings)
    caller_token(settings)  # refused before its address is told
    with listen(settings.host, settings.resolved_runner_port, purpose="the runner", flag="--port", variable="RUNNER_PORT") as listening:
        origin = origin_of(listening)
        if json:
            print_json({"runner": origin})
        else:
            print_lines(f"The runner is at {origin}")
        await serve(settings, sock=listening)
