"""The platform that `holdfast dev` works on: the one that runs on the data folder, or one that it starts and stops itself.

started:  this process ──pipe──▶ holdfast.dev.platform_child ──▶ runner, gateway
          our end, even by SIGKILL, closes the pipe: the child reads that, and stops with its own children
joined:   nothing is started, and nothing is stopped
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from holdfast.client.location.connection import connect
from holdfast.errors import HoldfastError
from holdfast.processes.child_process import ParentPipe
from holdfast.records.development_tenant import DevelopmentAccount

LOG_FILE = "dev.log"
STOP_SECONDS = 10.0
_TAIL_BYTES = 2_000


class PlatformAccess(msgspec.Struct, frozen=True, kw_only=True):
    """The running platform: the origin of its console, and the account to work with. `is_own` says who started it."""

    console: str
    api_key: str
    email: str | None
    password: str | None
    tenant: str | None = None
    is_own: bool = False


class PlatformNotJoined(HoldfastError):
    """Raised when the running platform does not accept `holdfast dev`."""

    code = "platform_not_joined"
    status = 409


class PlatformNotStarted(HoldfastError):
    """Raised when the platform of `holdfast dev` does not start."""

    code = "platform_not_started"


class AccountUnknown(HoldfastError):
    """Raised when a platform runs, and its development account cannot be read."""

    code = "account_unknown"


class OwnPlatform:
    """The platform as a child process."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self.log = log

    async def access(self) -> PlatformAccess:
        """Waits until it is ready. Raises PlatformNotStarted with the platform's own reason."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        ready = msgspec.json.decode(line) if line.strip() else {"message": _tail(self.log)}
        if "console" not in ready:
            raise PlatformNotStarted(f"The platform did not start: {ready['message']}", hint=ready.get("hint") or f"Its log is {self.log}.")
        return msgspec.convert({**ready, "is_own": True}, PlatformAccess)

    async def wait(self) -> int:
        """Waits for its end; returns the exit code."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Stops it and all that it started."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                await asyncio.wait_for(asyncio.shield(self._process.wait()), STOP_SECONDS)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()


@asynccontextmanager
async def start_platform(data_dir: Path, *, port: int | None, runner_port: int | None) -> AsyncIterator[OwnPlatform]:
    """Starts a platform on the folder, for the length of the block. It is not ready yet: see `access`."""
    await asyncio.to_thread(data_dir.mkdir, mode=0o700, parents=True, exist_ok=True)
    log = data_dir / LOG_FILE
    pipe = ParentPipe()
    command = [sys.executable, "-m", "holdfast.dev.platform_child", "--data-dir", str(data_dir), "--parent-pipe", str(pipe.child_end)]
    command += [] if port is None else ["--port", str(port)]
    command += [] if runner_port is None else ["--runner-port", str(runner_port)]
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=descriptor,
                pass_fds=(pipe.child_end,),
                # Ctrl-C reaches all processes of a terminal's foreground group; only this one decides when the platform stops.
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        platform = OwnPlatform(process, log)
        try:
            yield platform
        finally:
            await asyncio.shield(platform.stop())
    finally:
        pipe.close()


async def find_running(data_dir: Path, report: Callable[[str], None]) -> PlatformAccess | None:
    """The platform that runs on the folder, or None. Raises AccountUnknown, PlatformNotJoined, PlatformForeign, PlatformUnreachable."""
    platform = await connect(data_dir, is_chosen=True, report=report)
    if platform is None:
        return None
    description, credentials = platform.description, platform.credentials
    platform.close()
    if description.environment != "development":
        raise PlatformNotJoined(
            f"The platform at {description.console} runs in production.",
            hint="Start one in development on another folder: `holdfast dev --data-dir FOLDER`.",
        )
    try:
        raw = b"" if credentials is None else await asyncio.to_thread(credentials.read_bytes)
        account = msgspec.json.decode(raw, type=DevelopmentAccount)
    except (OSError, msgspec.MsgspecError):
        raise AccountUnknown(
            f"The platform at {description.console} runs, and its development account cannot be read.",
            hint="Run `holdfast dev` as the user who started it.",
        ) from None
    return PlatformAccess(
        console=description.console,
        api_key=account.api_key,
        email=account.email,
        password=account.password,
        tenant=account.tenant_id,
    )


def free_port(preferred: int) -> int:
    """The preferred port if nothing listens there, else 0, which lets the system choose."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            return 0
    return preferred


def _tail(log: Path) -> str:
    try:
        text = log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip()
    except OSError:
        text = ""
    return text.splitlines()[-1] if text else "it ended without a message."
