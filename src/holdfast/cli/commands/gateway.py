"""`holdfast gateway`: start only gateway and console, for a runner that is already running."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.platform_start import start_platform
from holdfast.settings import load_settings


async def gateway(
    *,
    port: Annotated[int | None, Parameter(help="Port to listen on; 0 picks a free one. Default: PORT, or 3000.")] = None,
    host: Annotated[str | None, Parameter(help="Address to listen on. Default: HOLDFAST_HOST, or 127.0.0.1.")] = None,
    workers: Annotated[int | None, Parameter(help="Number of processes that share the port. Default: GATEWAY_WORKERS, or 1.")] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Start only gateway and console, for a runner that is already running.

    Set RUNNER_BASE_URL to the address of the runner and RUNNER_SERVICE_TOKEN to the token that both share. The database is the one in
    DATABASE_URL, or an SQLite file in the data folder; it is migrated first. In production no account is created: create the first one
    with `holdfast tenants new` and `holdfast users new`.
    """
    settings = load_settings(data_dir=data_dir, port=port, host=host, gateway_workers=workers)
    return await start_platform(settings, [], start_runner=False, as_json=json)
