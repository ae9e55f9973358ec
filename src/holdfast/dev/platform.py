"""The platform that `holdfast dev` works on: the one that runs on the data folder, or one that it starts and stops itself.

started:  launched ──imports while we do──▶ waits ──`begin`──▶ runner, gateway ──▶ ready
          our end, even by SIGKILL, closes the child's stdin: the child reads that, and stops with its own children
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


class BeginOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What lets the child begin: one line of JSON on its stdin. Its log goes to the file `log`, which exists."""

    data_dir: str
    log: str
    port: int | None
    runner_port: int | None


class OwnPlatform:
    """The platform as a child process. Until `begin` it touches nothing."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.log = Path(os.devnull)

    async def begin(self, data_dir: Path, *, port: int | None, runner_port: int | None) -> None:
        """Lets it start on the folder, which is created if it is missing. It is not ready yet: see `access`."""
        self.log = data_dir / LOG_FILE
        await asyncio.to_thread(_prepare, data_dir, self.log)
        options = BeginOptions(data_dir=str(data_dir), log=str(self.log), port=port, runner_port=runner_port)
        assert self._process.stdin is not None
        # If it has ended already, `access` says so.
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(msgspec.json.encode(options) + b"\n")
            await self._process.stdin.drain()

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
async def launch_platform() -> AsyncIterator[OwnPlatform]:
    """A process for a platform, for the length of the block. It imports what a platform needs, and waits for `begin`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "holdfast.dev.platform_child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # Ctrl-C reaches all processes of a terminal's foreground group; only this one decides when the platform stops.
        start_new_session=True,
    )
    platform = OwnPlatform(process)
    try:
        yield platform
    finally:
        await asyncio.shield(platform.stop())


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


def _prepare(data_dir: Path, log: Path) -> None:
    """Creates the folder if it is missing, and an empty log."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))


def _tail(log: Path) -> str:
    try:
        text = log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip()
    except OSError:
        text = ""
    return text.splitlines()[-1] if text else "it ended without a message."
