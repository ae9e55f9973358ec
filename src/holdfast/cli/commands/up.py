"""`holdfast up`: start the whole platform."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.printing import note, print_error, print_json, print_lines
from holdfast.cli.terminal.settings_report import warn_about_unknown_variables
from holdfast.client.authoring.development_installer import DevelopmentInstaller
from holdfast.client.progress import StepProgress
from holdfast.logs import configure_logs
from holdfast.platform.lock_file import page_of
from holdfast.platform.supervisor import Ready, run_platform
from holdfast.settings import load_settings


async def up(
    *directories: Annotated[Path, Parameter(help="Folders or bundles of extensions to build and install at start.")],
    port: Annotated[int | None, Parameter(help="Port of gateway and console; 0 picks a free one. Default: PORT, or 3000.")] = None,
    runner_port: Annotated[int | None, Parameter(help="Port of the runner; 0 picks a free one. Default: RUNNER_PORT, or 8085.")] = None,
    host: Annotated[str | None, Parameter(help="Address to listen on. Default: HOLDFAST_HOST, or 127.0.0.1.")] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Start the platform: gateway, console and runner, with the given extensions installed.

    It prints its address, the login and an API key, and runs until you press Ctrl-C. With --json it prints one line when it is ready.
    """
    settings = load_settings(data_dir=data_dir, port=port, runner_port=runner_port, host=host)
    configure_logs(settings)
    warn_about_unknown_variables()

    def on_ready(ready: Ready) -> None:
        for source, error in ready.failed:
            note(f"Cannot install {source}:")
            print_error(error)
        _print_ready(ready, as_json=json)

    installer = DevelopmentInstaller(StepProgress(note))
    return await run_platform(settings, directories, installer=installer, on_ready=on_ready)


def _print_ready(ready: Ready, *, as_json: bool) -> None:
    running, account = ready.running, ready.account
    if as_json:
        print_json(
            {
                "console": running.console,
                "runner": running.runner,
                "tenant": account.tenant_id,
                "email": account.email,
                "password": account.password,
                "api_key": account.api_key,
            }
        )
        return
    print_lines(
        "",
        f"Holdfast is running at {running.console}",
        "",
        f"  email     {account.email}",
        f"  password  {account.password}",
        f"  API key   {account.api_key}",
        f"  tenant    {account.tenant_id}",
        f"  runner    {running.runner}",
    )
    if ready.installed:
        width = max(len(installed.display_name) for installed in ready.installed)
        print_lines("", "Installed")
        print_lines(*(f"  {one.display_name:<{width}}  {page_of(running.console, one.registry_id)}" for one in ready.installed))
    print_lines("", "Press Ctrl-C to stop.", "")
