"""Serves the control socket: runs the operations of commands in the process that has the database.

accept ─▶ same user? ─▶ description ─▶ request ─▶ run ─▶ response ─▶ request ...
              │ no                        │ end      │ the command is gone: cancelled, as if it had run there
              ▼                           ▼
            close                       close

At most MAX_CONNECTIONS commands are connected; more wait in the queue of the socket.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any, Protocol

import msgspec
import structlog

from holdfast.concurrency.tasks import end_task
from holdfast.errors import HoldfastError
from holdfast.platform.control.messages import MAX_LINE_BYTES, ControlRequest, ControlResponse, PlatformDescription
from holdfast.platform.control.socket_file import peer_uid

MAX_CONNECTIONS = 64
_ROOT = 0

_log = structlog.get_logger(__name__)


class Operations(Protocol):
    """What commands can have the platform do."""

    async def run(self, request: ControlRequest) -> Any:
        """The result, which msgspec can encode. Raises HoldfastError."""
        ...


class ControlServer:
    """Serves on one listening Unix socket."""

    def __init__(self, listening: socket.socket, description: PlatformDescription, operations: Operations) -> None:
        self._listening = listening
        self._greeting = msgspec.json.encode(description) + b"\n"
        self._operations = operations
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)
        self._connections = set[asyncio.Task[None]]()

    async def run(self) -> None:
        """Serves until it is cancelled; then running operations are cancelled too."""
        self._listening.setblocking(False)
        try:
            while True:
                await self._places.acquire()
                connection, _ = await asyncio.get_running_loop().sock_accept(self._listening)
                task = asyncio.create_task(self._serve(connection), name="serve a command")
                self._connections.add(task)
                task.add_done_callback(self._ended)
        finally:
            for task in tuple(self._connections):
                await end_task(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        self._places.release()

    async def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                # The mode of the socket keeps others out. This does too where a file system ignores it.
                if peer_uid(connection) not in (os.geteuid(), _ROOT):
                    _log.warning("control_connection_refused", reason="another user")
                    return
                reader, writer = await asyncio.open_unix_connection(sock=connection, limit=MAX_LINE_BYTES)
                try:
                    writer.write(self._greeting)
                    while line := await reader.readline():
                        response = await self._respond(line, reader)
                        if response is None:
                            return
                        writer.write(response + b"\n")
                        await writer.drain()
                finally:
                    writer.close()
        except (OSError, ValueError) as failed:
            # The command is gone, or sent a line that is too long.
            _log.debug("control_connection_lost", reason=type(failed).__name__)

    async def _respond(self, line: bytes, reader: asyncio.StreamReader) -> bytes | None:
        """The response to a request; None when the command did not wait for it."""
        running = asyncio.create_task(self._run(line))
        # A command sends nothing while it waits, so whatever arrives is its end.
        leaving = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait([running, leaving], return_when=asyncio.FIRST_COMPLETED)
            return msgspec.json.encode(running.result()) if running.done() else None
        finally:
            await end_task(leaving)
            await end_task(running)

    async def _run(self, line: bytes) -> ControlResponse:
        try:
            request = msgspec.json.decode(line, type=ControlRequest)
            result = await self._operations.run(request)
            return ControlResponse(result=msgspec.Raw(msgspec.json.encode(result)))
        except HoldfastError as error:
            return ControlResponse(error=error.to_json())
        except msgspec.MsgspecError:
            unknown = HoldfastError("The platform does not understand this command.", hint="Restart it in the version of the command.")
            return ControlResponse(error=unknown.to_json())
        except Exception:
            _log.exception("control_operation_failed")
            return ControlResponse(error=HoldfastError("Something went wrong in the platform.", hint="Its log has the details.").to_json())
