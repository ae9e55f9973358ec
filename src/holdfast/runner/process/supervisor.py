"""The parent of several runner processes that share one port, and the folder that they share.

parent ──▶ Workers ──▶ worker 0, worker 1, ... ──▶ shared folder: metrics, responses to idempotency keys

stop:    a signal stops gracefully, a second one does not wait for running calls
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog

from holdfast.concurrency.workspaces import temporary_folder
from holdfast.processes.workers import Workers
from holdfast.runner.process.serve import STOP_SECONDS
from holdfast.runner.process.worker_group import create_workers
from holdfast.settings import Settings

_log = structlog.get_logger(__name__)


async def run_workers(
    settings: Settings, listening: Sequence[socket.socket], on_ready: Callable[[], None], *, unix: Sequence[socket.socket] = ()
) -> None:
    """Runs a process for each of the sockets, which listen on one port, until SIGTERM or SIGINT; then lets running calls finish.

    `unix` has a Unix socket for each of them too, or nothing. A second signal does not wait for running calls. `on_ready` is called once,
    when all accept calls. The sockets are closed at the stop. Raises WorkersNotStarting.
    """
    # Only this user can read the folder, and it is removed at our end: it contains responses of guests.
    with temporary_folder("runner") as shared:
        environment = {**os.environ, "HOLDFAST_DATA_DIR": str(settings.data_dir.resolve())}
        workers = create_workers(listening, environment, shared, stop_seconds=STOP_SECONDS, unix=unix)
        await _run_until_signal(workers, on_ready)
    _log.info("The runner and its workers have stopped")


async def _run_until_signal(workers: Workers, on_ready: Callable[[], None]) -> None:
    async def report_ready() -> None:
        await workers.wait_until_ready()
        on_ready()
        await asyncio.Event().wait()

    stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with _handle_signals(stopped, workers):
        running = [asyncio.create_task(work) for work in (workers.run(), report_ready())]
        try:
            ended, _ = await asyncio.wait((stopped, *running), return_when=asyncio.FIRST_COMPLETED)
            for one in ended:
                one.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


@contextmanager
def _handle_signals(stopped: asyncio.Future[None], workers: Workers) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def received() -> None:
        if not stopped.done():
            stopped.set_result(None)
        else:
            workers.force_stop()

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, received)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
