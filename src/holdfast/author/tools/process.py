"""Runs a build tool: without a shell, with a time limit, and with nothing left running after an error or a cancellation.

start ──▶ running ──exits──▶ ToolResult
             ├──timeout or cancellation──▶ SIGKILL to its process group ──▶ waited for ──▶ error
             └──SIGKILL to this process: the pipe to the guard ends ──▶ the guard sends SIGKILL to the tool's process group
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO

from msgspec import Struct

from holdfast.author.errors import BuildToolError
from holdfast.settings import secret_variables

_GUARD = ("/bin/sh", "-c", 'read -r end; kill -s KILL -- "-$1"', "guard")
"""Waits for the end of its input, which nothing but this process holds open. A tool cannot be asked to: it may be anybody's script."""
_ERROR_MARKS = ("npm error", "ERROR:", "Error:")
_NO_REASON = ("code ", "errno ", "network ", "syscall ", "A complete log")
"""How lines of npm begin that say less than the next one."""


class ToolResult(Struct, frozen=True):
    """The result of a tool: its exit status, and its two output streams as text (UTF-8; malformed bytes are replaced)."""

    status: int
    stdout: str
    stderr: str

    def last_lines(self, count: int = 15) -> str:
        """The last lines of standard error, or of standard output if standard error is empty."""
        output = self.stderr.strip() or self.stdout.strip()
        return "\n".join(output.splitlines()[-count:])

    def error_line(self) -> str:
        """The one line that says best why the tool failed: the first error, where npm or pip marks one, else the last line."""
        lines = [line.strip() for line in f"{self.stdout}\n{self.stderr}".splitlines() if line.strip()]
        marked = [line.partition(mark)[2].strip() for line in lines for mark in _ERROR_MARKS if line.startswith(mark)]
        reasons = [line for line in marked if line and not line.startswith(_NO_REASON)]
        return [*reasons, *lines[-1:], f"exit code {self.status}"][0]


@contextmanager
def _open_input(content: bytes) -> Iterator[int | IO[bytes]]:
    """Standard input as a file and not as a pipe: writing to a pipe fails when the tool ends before it has read everything."""
    if not content:
        yield asyncio.subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file


def tool_environment() -> dict[str, str]:
    """The variables of this process without secrets: tools run code of npm packages and of the extension's author."""
    secret = secret_variables()
    return {name: value for name, value in os.environ.items() if name not in secret}


@asynccontextmanager
async def _guarded(group: int) -> AsyncIterator[None]:
    """Within the block, the process group does not outlive this process, however that ends. Without a shell it may."""
    try:
        guard = await asyncio.create_subprocess_exec(
            *_GUARD,
            str(group),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        yield
        return
    assert guard.stdin is not None
    try:
        yield
    finally:
        # First, for the number may soon be that of another group.
        with contextlib.suppress(ProcessLookupError):
            guard.kill()
        guard.stdin.close()
        await asyncio.shield(guard.wait())


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Kills the whole process group, which the tool has for itself: tools start children of their own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    timeout: float,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> ToolResult:
    """Runs `command` in `cwd` with `stdin` (bytes). The tool gets this process's variables without secrets, plus `environment`.

    Raises BuildToolError (`tool_timeout`) after `timeout` seconds, FileNotFoundError when there is no such program. After an error or a
    cancellation, the tool and its children have been killed.
    """
    with _open_input(stdin) as source:
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *map(str, command),
                cwd=cwd,
                env={**tool_environment(), **(environment or {})},
                stdin=source,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                # A session of its own is also a process group of its own, which `_kill` can end as a whole.
                start_new_session=True,
            )
        )
        try:
            process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # If asyncio were cancelled while it starts the tool, it would kill the tool but not its children.
            await _kill(await starting)
            raise
    try:
        async with _guarded(process.pid), asyncio.timeout(timeout):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        raise BuildToolError(
            "tool_timeout",
            f"{Path(command[0]).name} did not finish within {timeout:.0f} seconds and was stopped.",
            hint="Try again; if it happens again, look for an endless loop in the code that runs at build time.",
        ) from None
    finally:
        if process.returncode is None:
            await asyncio.shield(_kill(process))
    status = process.returncode
    return ToolResult(-1 if status is None else status, stdout.decode(errors="replace"), stderr.decode(errors="replace"))
