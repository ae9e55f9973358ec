"""The platform as a child: from its imports to its end.

launched ──▶ imports, one after the other ──▶ imports what is left, while the runner starts ──▶ ready: a line of JSON on stdout
                 │ stops importing when the options arrive   ▲
                 └──────── stdin: BeginOptions ──────────────┘
stdin ends: the parent has ended, and this process stops

Until it has options it touches no file: its parent may find that there is nothing to develop.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import select
import signal
import sys

import msgspec
import uvloop

from holdfast.client.authoring.development_installer import DevelopmentInstaller
from holdfast.client.progress import NoProgress
from holdfast.client.running.open import open_operations
from holdfast.dev.platform import BeginOptions
from holdfast.errors import HoldfastError
from holdfast.logs import configure_logs
from holdfast.platform.run import Ready
from holdfast.platform.supervisor import run_platform
from holdfast.processes.parent_end import when_parent_ends
from holdfast.settings import Settings, load_settings

_STDIN, _STDERR = 0, 2
LATER_IMPORTS = ("sqlalchemy.ext.asyncio", "holdfast.bundles.manifest.model", "holdfast.gateway.services", "holdfast.platform.application")
"""What a platform needs after its runner has started, and can import before. Each is a step of about 0.2 s."""


def main() -> int:
    """Runs until SIGTERM or the end of the parent. Exit code 1, and an error as a line of JSON, when it could not start."""
    options = _wait_for_options()
    if options is None:
        return 0
    try:
        settings = load_settings(
            data_dir=options.data_dir, port=options.port, runner_port=options.runner_port, gateway_workers=1, environment="development"
        )
        configure_logs(settings)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(settings))
    except HoldfastError as error:
        _print(error.to_json())
        return 1


def _wait_for_options() -> BeginOptions | None:
    """Imports until there are options. None when the parent has ended without any."""
    for name in LATER_IMPORTS:
        if select.select([_STDIN], [], [], 0)[0]:
            break
        importlib.import_module(name)
    line = b""
    while not line.endswith(b"\n"):
        if not (piece := os.read(_STDIN, 65_536)):
            return None
        line += piece
    options = msgspec.json.decode(line, type=BeginOptions)
    log = os.open(options.log, os.O_WRONLY | os.O_APPEND)
    os.dup2(log, _STDERR)
    os.close(log)
    return options


async def _run(settings: Settings) -> int:
    with when_parent_ends(_STDIN, lambda: os.kill(os.getpid(), signal.SIGTERM)):
        installer = DevelopmentInstaller(NoProgress())
        return await run_platform(settings, (), installer=installer, operations=open_operations, on_ready=_on_ready)


def _on_ready(ready: Ready) -> None:
    account = ready.account
    _print(
        {
            "console": ready.running.console,
            "api_key": account and account.api_key,
            "email": account and account.email,
            "password": account and account.password,
            "tenant": account and account.tenant_id,
        }
    )


def _print(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
