"""Runs the services of a process until a signal ends them.

running ──SIGINT──▶ stopping, exit code 130 ──second SIGINT──▶ Python's default: KeyboardInterrupt
   ├──SIGTERM, SIGHUP──▶ stopping, exit code 0
   └──a service fails──▶ stopping, raises its error
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any

EXIT_INTERRUPTED = 130


async def run_until_signal(services: Sequence[Coroutine[Any, Any, None]]) -> int:
    """Runs all of them until a signal or any error, then cancels them in their order, each before the next.

    Returns the exit code of the signal. Raises the error of a service.
    """
    stopped: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(run_together(services))
    waited: set[asyncio.Future[Any]] = {stopped, running}
    with _signals_set(stopped):
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            return await stopped
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def run_together(services: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Runs all of them until they end, one fails, or it is cancelled; then cancels them in their order, each before the next.

    Raises the error of a service.
    """
    running = [asyncio.create_task(service) for service in services]
    try:
        pending = set(running)
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                ended.result()
    finally:
        for task in running:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@contextlib.contextmanager
def _signals_set(stopped: asyncio.Future[int]) -> Iterator[None]:
    """Makes signals the result of `stopped`. A second Ctrl-C does not wait for a clean end."""
    loop = asyncio.get_running_loop()

    def stop(received: signal.Signals) -> None:
        if not stopped.done():
            stopped.set_result(EXIT_INTERRUPTED if received is signal.SIGINT else 0)
        if received is signal.SIGINT:
            loop.remove_signal_handler(signal.SIGINT)

    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for received in ending:
        loop.add_signal_handler(received, stop, received)
    try:
        yield
    finally:
        for received in ending:
            loop.remove_signal_handler(received)
