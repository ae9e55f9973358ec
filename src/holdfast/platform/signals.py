"""Runs the services of a process until a signal ends them.

running ──SIGINT──▶ stopping, exit code 130 ──second SIGINT──▶ Python's default: KeyboardInterrupt
   ├──SIGTERM, SIGHUP──▶ stopping, exit code 0
   └──a service ends or fails──▶ stopping, raises its error
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any

EXIT_INTERRUPTED = 130


async def run_until_signal(services: Sequence[Coroutine[Any, Any, None]], preparation: Coroutine[Any, Any, None]) -> int:
    """Runs all of them until a signal, a service that ends, or any error. Then cancels them, the preparation first, then in order.

    Returns the exit code of the signal. Raises the error of a service or of the preparation.
    """
    stopped: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = [asyncio.create_task(service) for service in services]
    preparing = asyncio.create_task(preparation)
    pending: set[asyncio.Future[Any]] = {stopped, preparing, *running}
    with _signals_set(stopped):
        try:
            while not stopped.done():
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for ended in done:
                    ended.result()
            return stopped.result()
        finally:
            for task in (preparing, *running):
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
