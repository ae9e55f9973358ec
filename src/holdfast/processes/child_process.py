"""A child process: started, restarted when it dies, stopped, and never left behind.

run:  start ──▶ running ──dies──▶ pause (0.2 s, doubled up to 5 s; reset after 10 s of life) ──▶ start
                   │ cancelled
                   ▼
                SIGTERM ──▶ stopping ──exits──▶ stopped
                               │ `stop_seconds` pass, or force_stop and 1 s pass
                               └──▶ SIGKILL ──▶ stopped

parent dies:  the kernel closes the parent's end of ParentPipe; the child reads its end and stops by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

FIRST_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 5.0
STEADY_SECONDS = 10.0
"""A child that lived this long resets the pause when it dies."""

STOP_SECONDS = 5.0
"""How long a child may take to stop before it is killed."""

FORCE_STOP_SECONDS = 1.0
"""How long it may take after `force_stop`."""

_log = structlog.get_logger(__name__)


class ParentPipe:
    """A pipe from which children only read. The kernel closes it when this process ends, for any reason, and then they stop too."""

    def __init__(self) -> None:
        self.child_end, self._own_end = os.pipe()

    def close(self) -> None:
        """Closes both ends. Children see the end of the pipe."""
        os.close(self._own_end)
        os.close(self.child_end)


class SupervisedChild:
    """One child process at a time, for as long as `run` runs.

    The listening socket belongs to this process: while a child is replaced, connections wait in its queue and are not refused.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        pass_fds: Sequence[int],
        output: int | None = None,
        on_end: Callable[[int], None] | None = None,
        stop_seconds: float = STOP_SECONDS,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`name` is for logs; `environment` is the child's whole environment; `pass_fds` are the descriptors it inherits.

        Both its streams go to the descriptor `output`, by default our stderr: our stdout is for results. `on_end` is called with the exit
        code (for a signal, its negative number) of every child that ended without a stop; what it raises ends `run`.
        """
        self._name = name
        self._command = list(command)
        self._environment = dict(environment)
        self._pass_fds = tuple(pass_fds)
        self._output = sys.stderr.fileno() if output is None else output
        self._on_end = on_end
        self._stop_seconds = stop_seconds
        self._pause = pause
        self._process: asyncio.subprocess.Process | None = None
        self.started = asyncio.Event()
        """Set when there was a first child."""

    @property
    def pid(self) -> int | None:
        """The process id of the running child, or None."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def run(self) -> None:
        """Keeps a child running until cancelled; then stops it and waits for its end."""
        pause = FIRST_PAUSE_SECONDS
        loop = asyncio.get_running_loop()
        try:
            while True:
                started = loop.time()
                code = await (await self._start()).wait()
                if self._on_end is not None:
                    self._on_end(code)
                if loop.time() - started >= STEADY_SECONDS:
                    pause = FIRST_PAUSE_SECONDS
                _log.warning("process ended, restarting it", process=self._name, how=describe_exit(code), pause_seconds=pause)
                await self._pause(pause)
                pause = min(pause * 2, MAX_PAUSE_SECONDS)
        finally:
            await asyncio.shield(self._stop())

    def force_stop(self) -> None:
        """Sends a stopping child a second SIGTERM, on which a server stops without waiting for running calls; kills it after a second."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        asyncio.get_running_loop().call_later(FORCE_STOP_SECONDS, self._kill, process)

    def _kill(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def _start(self) -> asyncio.subprocess.Process:
        # A session of its own: Ctrl-C in the terminal reaches only the parent, which stops the child gracefully.
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            env=self._environment,
            pass_fds=self._pass_fds,
            start_new_session=True,
        )
        self.started.set()
        _log.debug("process started", process=self._name, pid=self._process.pid)
        return self._process

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self._stop_seconds)
        except TimeoutError:
            _log.warning("process did not stop in time, killing it", process=self._name, pid=process.pid, seconds=self._stop_seconds)
            self._kill(process)
            await process.wait()


def describe_exit(code: int) -> str:
    """An exit code, or the negative number of a signal, in words."""
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
