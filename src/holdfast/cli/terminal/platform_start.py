"""Runs the platform for `holdfast up` and `holdfast gateway`, and prints what it is when it is ready."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from holdfast.cli.terminal.printing import note, print_error, print_json, print_lines
from holdfast.cli.terminal.settings_report import warn_about_unknown_variables
from holdfast.client.authoring.development_installer import DevelopmentInstaller
from holdfast.client.location.find import folder_to_start_in
from holdfast.client.progress import StepProgress
from holdfast.client.running.open import open_operations
from holdfast.logs import configure_logs
from holdfast.platform.lock_file import page_of
from holdfast.platform.run import Ready
from holdfast.platform.supervisor import run_platform
from holdfast.settings import Settings


async def start_platform(settings: Settings, sources: Sequence[Path], *, start_runner: bool, as_json: bool) -> int:
    """Runs until a signal; returns the exit code. Raises what `run_platform` raises."""
    configure_logs(settings)
    warn_about_unknown_variables()

    def on_ready(ready: Ready) -> None:
        for source, error in ready.failed:
            note(f"Cannot install {source}:")
            print_error(error)
        if as_json:
            print_json(_ready_json(ready))
        else:
            _print_ready(ready)

    settings = settings.replaced(data_dir=folder_to_start_in(settings, note))
    installer = DevelopmentInstaller(StepProgress(note))
    return await run_platform(
        settings, sources, installer=installer, operations=open_operations, on_ready=on_ready, start_runner=start_runner
    )


def _ready_json(ready: Ready) -> dict[str, Any]:
    account = ready.account
    return {
        "console": ready.running.console,
        "runner": ready.running.runner,
        "tenant": account and account.tenant_id,
        "email": account and account.email,
        "password": account and account.password,
        "api_key": account and account.api_key,
    }


def _print_ready(ready: Ready) -> None:
    running, account = ready.running, ready.account
    print_lines("", f"Holdfast is running at {running.console}", "")
    if account is not None:
        print_lines(
            f"  email     {account.email}",
            f"  password  {account.password}",
            f"  API key   {account.api_key}",
            f"  tenant    {account.tenant_id}",
        )
    print_lines(f"  runner    {running.runner}")
    if ready.installed:
        width = max(len(installed.display_name) for installed in ready.installed)
        print_lines("", "Installed")
        print_lines(*(f"  {one.display_name:<{width}}  {page_of(running.console, one.registry_id)}" for one in ready.installed))
    print_lines("", "Press Ctrl-C to stop.", "")
