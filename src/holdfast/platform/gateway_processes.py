"""The processes that serve gateway and console: this one, or several workers on one port.

one process     SocketServer in the process that also installs and maintains: fewer processes are faster after an idle time
workers         parent ──▶ Workers ──▶ worker 0, worker 1, ... ──▶ shared folder: rate limits, debug streams

A worker that is killed is replaced; a killed parent leaves workers that finish their calls and then remove the folder.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import structlog

from holdfast.concurrency.workspaces import temporary_folder
from holdfast.console.app import create_platform_app
from holdfast.console.urls import FrameBase
from holdfast.gateway.services import Services
from holdfast.platform.environment import gateway_environment
from holdfast.platform.server import SocketServer
from holdfast.platform.services import open_services
from holdfast.platform.signals import run_until_signal
from holdfast.processes.garbage_collection import freeze_memory
from holdfast.processes.parent_end import has_parent_ended, when_parent_ends
from holdfast.processes.worker_options import WorkerOptions
from holdfast.processes.workers import Workers
from holdfast.settings import Settings

MODULE = "holdfast.platform"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Serving:
    """What serves: `run` serves until it is cancelled, `wait_until_ready` returns when requests are accepted."""

    run: Callable[[], Coroutine[Any, Any, None]]
    wait_until_ready: Callable[[], Awaitable[object]]


def serve_here(services: Services, listening: socket.socket, *, stop_seconds: int) -> Serving:
    """Gateway and console in this process. `stop_seconds` bounds the responses that are still open after a stop."""
    app = create_platform_app(services)
    server = SocketServer(app, listening, routes=app.fast_routes, stop_seconds=stop_seconds, on_stop=services.stopping.set)
    return Serving(server.run_until_cancelled, server.ready.wait)


def serve_in_workers(settings: Settings, listening: Sequence[socket.socket], held: ExitStack, *, stop_seconds: int) -> Serving:
    """Gateway and console in one worker for each socket; they share a folder, which is removed with `held`. `stop_seconds` as in
    `serve_here`. Raises ConsoleUrlError."""
    # What no worker could start with is reported once, and now.
    FrameBase.parse(settings.runner_public_base)
    # Only this user can read the folder.
    shared = held.enter_context(temporary_folder("gateway"))
    workers = Workers("gateway", MODULE, listening, environment=gateway_environment(settings, shared), stop_seconds=stop_seconds)
    return Serving(workers.run, workers.wait_until_ready)


async def serve_as_worker(settings: Settings, listening: socket.socket, options: WorkerOptions, on_ready: Callable[[], None]) -> None:
    """One worker: serves until SIGTERM, SIGINT or the end of its parent, then lets running calls finish.

    `on_ready` is called when requests are accepted. Raises what `open_services` raises, ConsoleUrlError and ServerNotStarted.
    """
    async with open_services(settings) as services:
        serving = serve_here(services, listening, stop_seconds=options.stop_seconds)

        async def report_ready() -> None:
            await serving.wait_until_ready()
            freeze_memory()
            on_ready()

        with when_parent_ends(options.parent_pipe, _stop_after_parent):
            await run_until_signal([report_ready(), serving.run()])
    if settings.gateway_workers_dir is not None and has_parent_ended(options.parent_pipe):
        await asyncio.to_thread(shutil.rmtree, settings.gateway_workers_dir, ignore_errors=True)


def _stop_after_parent() -> None:
    _log.info("The parent process has ended; the gateway stops")
    signal.raise_signal(signal.SIGTERM)
