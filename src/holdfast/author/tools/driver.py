"""The build tools as a warm Node process: one JSON request a line, one JSON response a line, requests overlap.

(none) ──first call──▶ running ──call──▶ running
                          ├── timeout, cancelled call, exit, too much memory ──▶ killed with its children ──▶ (none)
                          └── this process dies: the socket ends ──▶ Node ends itself

Temporary files of the tools are in a folder of this process, which goes with it, or after a kill with the next build.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
from collections import deque
from contextlib import ExitStack
from typing import Any

from holdfast.author.errors import BuildFailed, BuildToolError
from holdfast.author.tools.process import tool_environment
from holdfast.author.tools.toolchain import Toolchain
from holdfast.concurrency.workspaces import temporary_folder

MAX_RESIDENT_BYTES = 1 << 30
"""A process that has grown above this is replaced before the next call."""
_MAX_LINE = 256 << 20


class _Process:
    """One running Node process."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: ExitStack
    ) -> None:
        """`held` is closed when the process has ended."""
        self.process = process
        self.writer = writer
        self._held = held
        self.waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.gone = False
        """Whether all responses have arrived that ever will."""
        self.resident_bytes = 0
        self.output: deque[str] = deque(maxlen=30)
        self._tasks = [asyncio.ensure_future(self._read_responses(reader)), asyncio.ensure_future(self._read_output())]

    async def _read_responses(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                response: dict[str, Any] = json.loads(line)
                self.resident_bytes = response["rss"]
                future = self.waiting.pop(response["id"], None)
                if future is not None and not future.done():
                    future.set_result(response)
        await self.process.wait()
        self.gone = True
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(EOFError())
        self.waiting.clear()

    async def _read_output(self) -> None:
        """What tools print: shown when the process ends early."""
        assert self.process.stdout is not None
        while chunk := await self.process.stdout.read(4096):
            self.output.extend(line[:500] for line in chunk.decode(errors="replace").splitlines())

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended. Its children may keep its socket and its output open for a while."""
        return self.gone or self.process.returncode is not None

    async def kill(self) -> None:
        """Kills the process and its children, and waits until it has ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()
        self.writer.close()
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            await asyncio.to_thread(self._held.close)


async def _start(toolchain: Toolchain) -> _Process:
    with ExitStack() as held, ExitStack() as unless_connected:
        temporary = held.enter_context(temporary_folder("tools"))
        ours, theirs = socket.socketpair()
        unless_connected.callback(ours.close)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                toolchain.node,
                str(toolchain.driver),
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                # The author's environment must not change which modules the pinned tools load.
                env={**tool_environment(), "NODE_PATH": "", "NODE_OPTIONS": "", "TMPDIR": str(temporary)},
                # A session of its own is also a process group of its own, which can be killed as a whole.
                start_new_session=True,
            )
        reader, writer = await asyncio.open_connection(sock=ours, limit=_MAX_LINE)
        unless_connected.pop_all()
        return _Process(process, reader, writer, held.pop_all())


class Driver:
    """The warm process of one toolchain, started by the first call. `close` ends it; a later call starts another one."""

    def __init__(self, toolchain: Toolchain) -> None:
        self.toolchain = toolchain
        self._running: _Process | None = None
        self._starting = asyncio.Lock()
        self._ids = itertools.count(1)

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return None if self._running is None or self._running.gone else self._running.process.pid

    async def call(self, request: dict[str, Any], *, what: str, timeout: float) -> dict[str, Any]:
        """The response to `request`, which names its `mode`: `ok`, and `errors` or the results of that mode.

        `what` names what is built, for errors. Raises BuildFailed when the process ends, BuildToolError (`tool_timeout`) after `timeout`
        seconds. After a timeout or a cancellation no process is left.
        """
        running = await self._ensure_running()
        number = next(self._ids)
        if running.gone:
            raise BuildFailed(f"{what} cannot be built: {self._last_output(running)}")
        future = running.waiting[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout):
                running.writer.write(json.dumps({**request, "id": number}).encode() + b"\n")
                with contextlib.suppress(ConnectionError):
                    await running.writer.drain()
                response: dict[str, Any] = await future
                return response
        except EOFError:
            raise BuildFailed(f"{what} cannot be built: {self._last_output(running)}") from None
        except TimeoutError:
            await self.close()
            raise BuildToolError(
                "tool_timeout",
                f"{what} was not built within {timeout:.0f} seconds, and the build was stopped.",
                hint="Look for an endless loop in code at the top level of a module: it runs at build time.",
            ) from None
        except asyncio.CancelledError:
            await asyncio.shield(self.close())
            raise

    @staticmethod
    def _last_output(running: _Process) -> str:
        return "\n".join(running.output) or f"the build tools ended with status {running.process.returncode}."

    async def _ensure_running(self) -> _Process:
        async with self._starting:
            running = self._running
            if running is not None and (running.has_ended or (running.resident_bytes > MAX_RESIDENT_BYTES and not running.waiting)):
                await self.close()
                running = None
            if running is None:
                running = self._running = await _start(self.toolchain)
            return running

    async def close(self) -> None:
        """Ends the process and its children, if it runs."""
        running, self._running = self._running, None
        if running is not None:
            await running.kill()
