"""A command's connection to the platform that runs on a data folder.

is the lock held? ── no ──▶ None: no platform
      │ yes
      ▼
socket, folder and the process behind it: one user, and ours? ── no ──▶ PlatformForeign
      │ yes                 └─ no socket yet, it starts or stops: wait ──▶ PlatformUnreachable
      ▼
connected, and described. Nothing was sent before.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from holdfast.errors import HoldfastError
from holdfast.platform.control.messages import MAX_LINE_BYTES, ControlRequest, ControlResponse, PlatformDescription
from holdfast.platform.control.socket_file import SOCKET_FILE, peer_uid, short_path
from holdfast.platform.lock_file import find_platform, is_locked

START_SECONDS = 120.0
"""How long a command waits for a platform that is starting: it migrates a database first."""
STOP_SECONDS = 10.0
"""How long it waits for one that has no socket any more, and is likely to be stopping."""

_PAUSE_SECONDS = 0.05
_SAY_AFTER_SECONDS = 1.0
_ROOT = 0
_PIECE_BYTES = 65_536

T = TypeVar("T")


class PlatformForeign(HoldfastError):
    """Raised when a data folder, its socket or the platform behind it belongs to another user."""

    code = "platform_of_another_user"
    status = 403


class PlatformUnreachable(HoldfastError):
    """Raised when a platform runs on the data folder, but does not respond on its socket."""

    code = "platform_unreachable"
    status = 503


class PlatformDenied(HoldfastError):
    """Raised with the platform's own error: its code, message, hint and details."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error.get("message", "")), hint=error.get("hint"), details=error.get("details"))
        self.code = str(error.get("error", "internal_error"))


class PlatformConnection:
    """Sends requests to a platform, each on a connection of its own or on one that is idle. `description` says which platform it is."""

    def __init__(self, data_dir: Path, opened: socket.socket, description: PlatformDescription, *, is_chosen: bool) -> None:
        self.description = description
        self._data_dir = data_dir
        self._is_chosen = is_chosen
        self._idle: socket.socket | None = opened

    @property
    def credentials(self) -> Path | None:
        """The file of the platform's development account, if it has one."""
        return None if self.description.credentials is None else Path(self.description.credentials)

    async def call(
        self, operation: str, kind: type[T], arguments: Mapping[str, Any], *, tenant: str | None = None, strict: bool = False
    ) -> T:
        """The result of an operation of `client.running.operations`, as a `kind`. Cancelling it cancels the operation.

        Several may run at the same time. Raises PlatformDenied with the error of the operation, and PlatformUnreachable.
        """
        request = ControlRequest(operation=operation, tenant=tenant, strict=strict, arguments=dict(arguments))
        opened = await self._acquire()
        try:
            await asyncio.get_running_loop().sock_sendall(opened, msgspec.json.encode(request) + b"\n")
            response = msgspec.json.decode(await _read_line(opened), type=ControlResponse)
            result = None if response.error is not None else msgspec.json.decode(response.result, type=kind)
        except BaseException as failed:
            # The platform cancels the operation of a command that has left.
            opened.close()
            if isinstance(failed, OSError):
                raise self._lost() from failed
            if isinstance(failed, msgspec.MsgspecError):
                raise self._invalid() from failed
            raise
        self._release(opened)
        if response.error is not None:
            raise PlatformDenied(response.error)
        return cast(T, result)

    def close(self) -> None:
        """Closes the idle connection."""
        if self._idle is not None:
            self._idle.close()

    async def _acquire(self) -> socket.socket:
        opened, self._idle = self._idle, None
        if opened is not None:
            if _is_alive(opened):
                return opened
            opened.close()
        again = _open(self._data_dir, is_chosen=self._is_chosen)
        if again is None:
            raise self._lost()
        # It can be another run on the same folder, at another address.
        self.description = await _greet(again, self._data_dir)
        return again

    def _release(self, opened: socket.socket) -> None:
        if self._idle is None:
            self._idle = opened
        else:
            opened.close()

    def _lost(self) -> PlatformUnreachable:
        return PlatformUnreachable(
            f"The platform at {self.description.console} stopped before it responded.",
            hint="Check the output of `holdfast up`, and whether the command had an effect, then try again.",
        )

    def _invalid(self) -> PlatformUnreachable:
        return PlatformUnreachable(
            f"The platform at {self.description.console} sent an invalid response.",
            hint=f"It has version {self.description.version}. Restart it in the version of the command.",
        )


async def connect(data_dir: Path, *, is_chosen: bool, report: Callable[[str], None]) -> PlatformConnection | None:
    """The connection to the platform that runs on this folder; None when none runs.

    It waits for a platform that is starting or stopping, and reports when that takes long. `is_chosen` is whether the user named the
    folder: only then may root work on the platform of another user. Raises PlatformForeign, PlatformUnreachable.
    """
    started = time.monotonic()
    reported = False
    while is_locked(data_dir):
        if (opened := _open(data_dir, is_chosen=is_chosen)) is not None:
            return PlatformConnection(data_dir, opened, await _greet(opened, data_dir), is_chosen=is_chosen)
        waited = time.monotonic() - started
        # The socket is there before platform.json, so without it a platform with that file has lost it, or is stopping.
        if waited > (START_SECONDS if find_platform(data_dir) is None else STOP_SECONDS):
            raise PlatformUnreachable(
                f"A platform runs on the data folder {data_dir}, but it does not respond at {data_dir / SOCKET_FILE}.",
                hint="Stop it and start it again with: holdfast up",
            )
        if waited > _SAY_AFTER_SECONDS and not reported:
            report(f"Waiting for the platform on the data folder {data_dir} ...")
            reported = True
        await asyncio.sleep(_PAUSE_SECONDS)
    return None


def _open(data_dir: Path, *, is_chosen: bool) -> socket.socket | None:
    """A connected socket, after all checks; None when no process listens."""
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        folder, found = data_dir.stat(), (data_dir / SOCKET_FILE).lstat()
        with short_path(data_dir) as path:
            opened.connect(str(path))
        owners = {folder.st_uid, found.st_uid, peer_uid(opened)}
        ours = {os.geteuid()} == owners or (is_chosen and os.geteuid() == _ROOT and len(owners) == 1)
        if not ours or not stat.S_ISSOCK(found.st_mode):
            raise _foreign(data_dir)
    except PermissionError:
        opened.close()
        raise _foreign(data_dir) from None
    except OSError:
        opened.close()
        return None
    except BaseException:
        opened.close()
        raise
    return opened


async def _greet(opened: socket.socket, data_dir: Path) -> PlatformDescription:
    """What the platform says first. Closes the connection when that is not understood."""
    try:
        async with asyncio.timeout(STOP_SECONDS):
            opened.setblocking(False)
            return msgspec.json.decode(await _read_line(opened), type=PlatformDescription)
    except (OSError, TimeoutError, msgspec.MsgspecError) as failed:
        opened.close()
        raise PlatformUnreachable(
            f"The platform on the data folder {data_dir} does not respond as this version does.",
            hint="Stop it and start it again with: holdfast up",
        ) from failed
    except BaseException:
        opened.close()
        raise


async def _read_line(opened: socket.socket) -> bytes:
    """One line, without its end. The platform sends nothing after it. Raises OSError."""
    received = bytearray()
    while not received.endswith(b"\n"):
        piece = await asyncio.get_running_loop().sock_recv(opened, _PIECE_BYTES)
        if not piece:
            raise ConnectionResetError("the platform closed the connection")
        received += piece
        if len(received) > MAX_LINE_BYTES:
            raise ConnectionAbortedError("the response is too long")
    return bytes(received[:-1])


def _is_alive(opened: socket.socket) -> bool:
    """Whether an idle connection is still open: then there is nothing to read, not even its end."""
    try:
        opened.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _foreign(data_dir: Path) -> PlatformForeign:
    return PlatformForeign(
        f"The data folder {data_dir}, or the platform that runs on it, belongs to another user.",
        hint="Run the command as that user, or choose your own folder with --data-dir.",
    )
