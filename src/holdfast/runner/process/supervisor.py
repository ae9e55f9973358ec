"""The parent of several runner processes that share one port: owns their sockets, starts them, restarts them, stops them.

parent ──owns──▶ socket 0 ─┐                  ┌─▶ worker 0 ─┐
                 socket 1 ─┼── one port ──────┼─▶ worker 1 ─┼── shared folder: metrics, responses to idempotency keys
                 socket 2 ─┘                  └─▶ worker 2 ─┘

worker:  starting ──"ready" on its report pipe──▶ up ──dies──▶ starting
             └── ends before it is ready, 5 times in a row ──▶ WorkersNotStarting ends the runner

stop:    close the sockets, SIGTERM to all, wait; a second signal forces the stop
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from holdfast.errors import HoldfastError
from holdfast.runner.process.child_process import READY, ParentPipe, SupervisedChild, describe_exit, runner_command
from holdfast.runner.process.serve import STOP_SECONDS
from holdfast.runner.services import METRICS
from holdfast.runner.telemetry.metrics import forget_worker
from holdfast.settings import Settings

MAX_FAILED_STARTS = 5
_EXTRA_STOP_SECONDS = 5
"""How much longer a worker may take to end than its calls may."""

_log = structlog.get_logger(__name__)


class WorkersNotStarting(HoldfastError):
    """Raised when a worker ends repeatedly before it accepts calls: the callers in the queue of its socket would wait without limit."""

    code = "workers_not_starting"


async def run_workers(settings: Settings, listening: Sequence[socket.socket], on_ready: Callable[[], None]) -> None:
    """Runs a process for each of the sockets, which listen on one port, until SIGTERM or SIGINT; then lets running calls finish.

    A second signal does not wait for them. `on_ready` is called once, when all accept calls. The sockets are closed at the stop.
    Raises WorkersNotStarting.
    """
    with ExitStack() as closing:
        pipe = ParentPipe()
        closing.callback(pipe.close)
        # Only this user can read the folder, and it is removed at our end: it contains responses of guests.
        shared = Path(closing.enter_context(TemporaryDirectory(prefix="holdfast-runner-")))
        environment = {**os.environ, "HOLDFAST_DATA_DIR": str(settings.data_dir.resolve()), "HOLDFAST_WORKERS_DIR": str(shared)}
        workers = [Worker(index, own, pipe, environment, shared) for index, own in enumerate(listening)]
        for worker in workers:
            closing.callback(worker.close)
        await _run_until_signal(workers, listening, on_ready)
    _log.info("The runner and its workers have stopped")


async def _run_until_signal(workers: Sequence[Worker], listening: Sequence[socket.socket], on_ready: Callable[[], None]) -> None:
    async def all_ready() -> None:
        for worker in workers:
            await worker.ready.wait()
        on_ready()
        await asyncio.Event().wait()

    stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with _handle_signals(stopped, workers):
        running = [asyncio.create_task(work) for work in (*(worker.child.run() for worker in workers), all_ready())]
        try:
            ended, _ = await asyncio.wait((stopped, *running), return_when=asyncio.FIRST_COMPLETED)
            for one in ended:
                one.result()
        finally:
            # Our copies first: while any copy of a socket is open, the kernel queues connections on it that no process would accept.
            for own in listening:
                own.close()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


@contextmanager
def _handle_signals(stopped: asyncio.Future[None], workers: Sequence[Worker]) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def received() -> None:
        if not stopped.done():
            stopped.set_result(None)
            return
        for worker in workers:
            worker.child.force_stop()

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, received)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


class Worker:
    """One worker: its socket, and the process that serves on it now. `ready` is set when its first process accepts calls."""

    def __init__(self, index: int, listening: socket.socket, pipe: ParentPipe, environment: Mapping[str, str], shared: Path) -> None:
        """`shared` is the folder of all workers."""
        self._index = index
        self._shared = shared
        self.ready = asyncio.Event()
        self._up = False
        self._failed_starts = 0
        self._reason: str | None = None
        self._reports, self._child_end = os.pipe()
        os.set_blocking(self._reports, False)
        asyncio.get_running_loop().add_reader(self._reports, self._read)
        self.child = SupervisedChild(
            f"worker {index}",
            [*runner_command(listening, pipe, stop_seconds=STOP_SECONDS), "--report-pipe", str(self._child_end), "--worker", str(index)],
            environment=environment,
            pass_fds=(listening.fileno(), pipe.child_end, self._child_end),
            on_end=self._ended,
            stop_seconds=STOP_SECONDS + _EXTRA_STOP_SECONDS,
        )

    def close(self) -> None:
        """Closes the pipe. The process of the worker must have ended."""
        asyncio.get_running_loop().remove_reader(self._reports)
        os.close(self._reports)
        os.close(self._child_end)

    def _read(self) -> None:
        with suppress(BlockingIOError):
            for line in os.read(self._reports, 65_536).decode(errors="replace").splitlines():
                if line == READY:
                    self._up = True
                    self._reason = None
                    self.ready.set()
                else:
                    self._reason = line

    def _ended(self, code: int) -> None:
        self._read()
        forget_worker(self._shared / METRICS, self._index)
        self._failed_starts = 0 if self._up else self._failed_starts + 1
        self._up = False
        if self._failed_starts >= MAX_FAILED_STARTS:
            reason = self._reason or f"They end immediately, with {describe_exit(code)}."
            raise WorkersNotStarting(
                f"The workers of the runner do not start. {reason}", hint="See the log above; HOLDFAST_LOG_LEVEL=debug adds details."
            )
