"""`holdfast scheduler`: start only a scheduler, for a gateway that is already running."""

from __future__ import annotations

import asyncio

import uvloop

from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.printing import print_json, print_lines
from holdfast.cli.terminal.settings_report import warn_about_unknown_variables
from holdfast.logs import configure_logs
from holdfast.settings import load_settings


def scheduler(*, data_dir: DataDir = None, json: Json = False) -> int:
    """Start only a scheduler, for a gateway that is already running.

    It needs the database of the gateway (DATABASE_URL, or the data folder), REGISTRY_BASE_URL with the address of the gateway, and
    RUNNER_SERVICE_TOKEN with the token that services share. Any number of schedulers may run on one database. `holdfast up` starts one of
    its own unless HOLDFAST_SCHEDULER is `off`.
    """
    settings = load_settings(data_dir=data_dir)
    configure_logs(settings)
    warn_about_unknown_variables()
    # Imported on use: the durable engine takes longer to import than most commands run.
    from holdfast.platform.scheduler.process import run_scheduler

    def print_ready() -> None:
        if json:
            print_json({"scheduler": "running"})
        else:
            print_lines("The scheduler is running. Press Ctrl-C to stop.")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run_scheduler(settings, on_ready=print_ready))
