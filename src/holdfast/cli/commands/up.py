"""`holdfast up`: start the whole platform."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.platform_start import start_platform
from holdfast.settings import load_settings


async def up(
    *directories: Annotated[Path, Parameter(help="Folders or bundles of extensions to build and install at start.")],
    port: Annotated[int | None, Parameter(help="Port of gateway and console; 0 picks a free one. Default: PORT, or 3000.")] = None,
    runner_port: Annotated[int | None, Parameter(help="Port of the runner; 0 picks a free one. Default: RUNNER_PORT, or 8085.")] = None,
    host: Annotated[str | None, Parameter(help="Address to listen on. Default: HOLDFAST_HOST, or 127.0.0.1.")] = None,
    workers: Annotated[int | None, Parameter(help="Number of gateway processes. Default: GATEWAY_WORKERS, or 1.")] = None,
    runner_workers: Annotated[int | None, Parameter(help="Number of runner processes. Default: RUNNER_WORKERS, or 1.")] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Start the platform: gateway, console and runner, with the given extensions installed.

    It prints its address, in development also the login and an API key, and runs until you press Ctrl-C. With --json it prints one line
    when it is ready.
    """
    settings = load_settings(
        data_dir=data_dir, port=port, runner_port=runner_port, host=host, gateway_workers=workers, runner_workers=runner_workers
    )
    return await start_platform(settings, directories, start_runner=True, as_json=json)
