"""Several processes that share one port: their parent owns the sockets, starts a process for each, replaces it, and stops all.

parent ──owns──▶ socket 0 ─┐                  ┌─▶ worker 0
                 socket 1 ─┼── one port ──────┼─▶ worker 1
                 socket 2 ─┘                  └─▶ worker 2

worker:  starting ──"ready" on its report pipe──▶ up ──dies──▶ starting
             └── ends before it is ready, 5 times in a row ──▶ WorkersNotStarting ends `run`

stop:    close the sockets, SIGTERM to all, wait; `force_stop` does not wait for running calls
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from holdfast.errors import HoldfastError
from holdfast.processes.child_process import ParentPipe, SupervisedChild, describe_exit
from holdfast.processes.worker_options import READY, WorkerOptions

MAX_FAILED_STARTS = 5
_EXTRA_STOP_SECONDS = 5
"""How much longer a worker may take to end than its calls may."""


class WorkersNotStarting(HoldfastError):
    """Raised when a worker ends repeatedly before it accepts calls: the callers in the queue of its socket would wait without limit."""

    code = "workers_not_starting"


def _do_nothing(worker: int) -> None:
    pass


class Workers:
    """A process for each of the sockets. Create it in the event loop in which `run` runs; `run` must be called, because it closes."""

    def __init__(
        self,
        service: str,
        module: str,
        listening: Sequence[socket.socket],
        *,
        unix: Sequence[socket.socket] = (),
        environment: Mapping[str, str],
        stop_seconds: int,
        on_end: Callable[[int], None] = _do_nothing,
    ) -> None:
        """`service` names them for people, `module` is what they run, with the options of `WorkerOptions`. `listening` belongs to this
        object from now on, and so does `unix`: a Unix socket for each of them, or nothing. `stop_seconds` is how long running calls may
        take after a stop. `on_end` is called with the index of a worker that ended without one.
        """
        self._listening = [*listening, *unix]
        self._pipe = ParentPipe()
        self._workers = [
            _Worker(
                service,
                module,
                index,
                own,
                self._pipe,
                unix=unix[index] if unix else None,
                environment=environment,
                stop_seconds=stop_seconds,
                on_end=on_end,
            )
            for index, own in enumerate(listening)
        ]

    async def wait_until_started(self) -> None:
        """Returns when each worker has a process, ready or not."""
        for worker in self._workers:
            await worker.child.started.wait()

    async def wait_until_ready(self) -> None:
        """Returns when each worker has accepted calls once."""
        for worker in self._workers:
            await worker.ready.wait()

    async def run(self) -> None:
        """Keeps the workers running until cancelled; then lets running calls finish. The sockets are closed at the stop.

        Raises WorkersNotStarting.
        """
        running = [asyncio.create_task(worker.child.run()) for worker in self._workers]
        try:
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for one in ended:
                one.result()
        finally:
            # Our copies first: while any copy of a socket is open, the kernel queues connections on it that no process would accept.
            for own in self._listening:
                own.close()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            for worker in self._workers:
                worker.close()
            self._pipe.close()

    def force_stop(self) -> None:
        """Makes workers that are stopping end without waiting for running calls."""
        for worker in self._workers:
            worker.child.force_stop()


class _Worker:
    """One worker: its sockets, and the process that serves on them now. `ready` is set when its first process accepts calls."""

    def __init__(
        self,
        service: str,
        module: str,
        index: int,
        listening: socket.socket,
        pipe: ParentPipe,
        *,
        unix: socket.socket | None,
        environment: Mapping[str, str],
        stop_seconds: int,
        on_end: Callable[[int], None],
    ) -> None:
        self._service = service
        self._index = index
        self._on_end = on_end
        self.ready = asyncio.Event()
        self._up = False
        self._failed_starts = 0
        self._reason: str | None = None
        self._reports, self._child_end = os.pipe()
        os.set_blocking(self._reports, False)
        asyncio.get_running_loop().add_reader(self._reports, self._read)
        options = WorkerOptions(
            fd=listening.fileno(),
            unix_fd=None if unix is None else unix.fileno(),
            parent_pipe=pipe.child_end,
            report_pipe=self._child_end,
            worker=index,
            stop_seconds=stop_seconds,
        )
        self.child = SupervisedChild(
            f"{service} {index}",
            options.command(module),
            environment=environment,
            pass_fds=tuple(own for own in (options.fd, options.unix_fd, options.parent_pipe, options.report_pipe) if own is not None),
            on_end=self._ended,
            stop_seconds=stop_seconds + _EXTRA_STOP_SECONDS,
        )

    def close(self) -> None:
        """Closes the report pipe. The process of the worker must have ended."""
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
        self._on_end(self._index)
        self._failed_starts = 0 if self._up else self._failed_starts + 1
        self._up = False
        if self._failed_starts >= MAX_FAILED_STARTS:
            reason = self._reason or f"They end immediately, with {describe_exit(code)}."
            raise WorkersNotStarting(
                f"The workers of the {self._service} do not start. {reason}",
                hint="See the log above; HOLDFAST_LOG_LEVEL=debug adds details.",
            )
