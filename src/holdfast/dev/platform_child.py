"""`python -m holdfast.dev.platform_child`: the platform that `holdfast dev` starts. It ends with its parent, however that ends.

Prints one line of JSON on stdout when it is ready. Its log goes to stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from holdfast.client.authoring.development_installer import DevelopmentInstaller
from holdfast.client.progress import NoProgress
from holdfast.client.running.open import open_operations
from holdfast.errors import HoldfastError
from holdfast.logs import configure_logs
from holdfast.platform.run import Ready
from holdfast.platform.supervisor import run_platform
from holdfast.processes.parent_end import when_parent_ends
from holdfast.settings import Settings, load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until SIGTERM or the end of the parent. Exit code 1, and an error as a line of JSON, when it could not start."""
    parser = argparse.ArgumentParser(prog="holdfast.dev.platform_child")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--runner-port", type=int)
    parser.add_argument("--parent-pipe", type=int, required=True)
    options = parser.parse_args(arguments)
    try:
        settings = load_settings(
            data_dir=options.data_dir, port=options.port, runner_port=options.runner_port, gateway_workers=1, environment="development"
        )
        configure_logs(settings)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(settings, options.parent_pipe))
    except HoldfastError as error:
        _print(error.to_json())
        return 1


async def _run(settings: Settings, parent_pipe: int) -> int:
    with when_parent_ends(parent_pipe, lambda: os.kill(os.getpid(), signal.SIGTERM)):
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


if __name__ == "__main__":
    sys.exit(main())
